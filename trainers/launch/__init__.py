"""A trial on several workers."""
