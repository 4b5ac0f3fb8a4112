"""A search on Ray Tune, from the spec to its end."""
