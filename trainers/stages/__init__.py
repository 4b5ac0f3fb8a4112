"""The two stages of a trial, and what they share: batches, probe, metrics."""
