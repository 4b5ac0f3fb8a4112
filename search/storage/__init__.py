"""A search's folder, and its copy in a store."""
