"""One trial, start to finish, in plain PyTorch."""
