"""Hide user names and passwords in addresses."""

import re


def shown_uri(text: str) -> str:
    """`text`, an address or a text with addresses, with each user name and password replaced by an ellipsis."""
    return re.sub(r"(?<=:)//[^/\s]*@", "//…@", text)  # up to the last @: a password may contain an @
