"""Export a search's configurations with their weights; train them again, predict with them, or write them as ONNX."""
