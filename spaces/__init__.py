"""What may vary in a search."""
