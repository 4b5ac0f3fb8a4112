"""What runs on a node: one trial."""
