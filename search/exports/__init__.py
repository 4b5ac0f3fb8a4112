"""What leaves a search: configurations with their weights, trained again."""
