"""Addresses without the names and passwords in them."""

import re


def shown_uri(text: str) -> str:
    """A store's address, or a text that contains one, without user name and password."""
    return re.sub(r"(?<=:)//[^/\s]*@", "//…@", text)  # up to the last @: a password may contain an @
