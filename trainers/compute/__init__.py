"""How a device computes: precision, where the data is kept, several workers, large batches."""
