"""Changes of images, a batch at a time, on the device."""
