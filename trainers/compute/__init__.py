"""How a device computes: precision, residence of the data, several workers, large batches."""
