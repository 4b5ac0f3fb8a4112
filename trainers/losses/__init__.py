"""The losses, each in a file of its own."""
