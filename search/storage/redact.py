"""Addresses without the names and passwords in them."""

import re


def shown_uri(text: str) -> str:
    """A store's address, or a text with one in it, as it may be printed: without a name and a password."""
    return re.sub(r"(?<=:)//[^/\s]*@", "//…@", text)  # up to the last @: a password may have one
