"""What scores prove: candidates, paired tests, intervals and the verdict."""
