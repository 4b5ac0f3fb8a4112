"""The datasets, each in a file of its own."""
