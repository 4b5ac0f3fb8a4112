"""Changes of images, a whole batch at a time, on the device that holds the batch."""
