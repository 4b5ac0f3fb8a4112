"""What to try and when to stop: the sampler, the grid, the proposer and ASHA. Pure: no Ray, no files."""
