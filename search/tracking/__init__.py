"""Views of the journal in other tools: MLflow's runs, and an Optuna study."""
