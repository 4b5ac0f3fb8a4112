"""MLflow and Optuna's study: views of the journal."""
