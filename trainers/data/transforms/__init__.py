"""Changes of images, by the batch and on the device."""
