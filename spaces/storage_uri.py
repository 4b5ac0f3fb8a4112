"""The address of a store in a spec. The address must hold no secret, because anybody may read a spec."""

from urllib.parse import parse_qsl, urlsplit

from trainers.errors import InputError
from trainers.wording import printable

SECRET = ("key", "secret", "token", "password", "credential", "signature", "sas")
ADVICE = "give them in the store's own variables or files, such as AWS_ACCESS_KEY_ID or ~/.aws/credentials"


def check_uri(uri: str) -> None:
    """Raise InputError if `uri` holds a secret or is no address. The message does not repeat a secret."""
    if uri.startswith("/"):
        return  # a path: no character in it has a special meaning
    try:
        parts = urlsplit(uri)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        raise InputError("storage.uri: must be an address like s3://bucket/folder, but cannot be read as one") from None
    who, at, _ = parts.netloc.rpartition("@")
    # in s3://KEY@bucket the part before @ is a key; sftp://user@host and abfs://container@account hold no secret
    if ":" in who or (at and parts.scheme in ("s3", "s3a")):
        raise InputError(f"storage.uri: must not hold a name with a password or a key; {ADVICE}")
    for name, _ in query:
        if any(word in name.lower() for word in SECRET) or name.lower() == "sig":
            raise InputError(f"storage.uri: must not hold a secret, but has {printable(name)}=…; {ADVICE}")
    if parts.fragment:
        raise InputError("storage.uri: must be an address like s3://bucket/folder, without a #")
    if parts.scheme == "file" and "?" in uri:
        raise InputError("storage.uri: a ? in the path of a file: address is written %3F; or give the path itself")
    is_address = len(parts.scheme) > 1 and uri.startswith(f"{parts.scheme}://") and (parts.netloc or parts.path)
    if not is_address:
        got = "" if "@" in uri or "=" in uri else f", but got {printable(uri)}"
        raise InputError(f"storage.uri: must be an address like s3://bucket/folder, or a whole path{got}")
