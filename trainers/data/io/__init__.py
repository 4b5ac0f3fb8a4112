"""Files: reading, decoding, downloading, caching."""
