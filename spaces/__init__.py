"""The spec of a search: which fields of a trial vary, over which ranges, and how to search."""
