"""Names of classes, files and folders: those that are not UTF-8, and those that a person may take for each other."""

import unicodedata
from collections.abc import Iterable, Sequence

from trainers.errors import InputError
from trainers.wording import printable


def refuse_undecodable(names: Iterable[str], what: str) -> None:
    """Raise InputError if one of `names` has bytes that are not UTF-8, as file names from an old archive may.

    `what` says in the message what bears the name: "class", "file" or "". No page, table or store could show such a
    name, so it is refused before a search, not at the first result.
    """
    wrong = sorted({name for name in names if not is_text(name)})
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise InputError(
            f"data.path: the {what}{' ' if what else ''}name {shown(wrong[0])}{more} is no text in UTF-8; rename it "
            "(on Linux: `convmv -f latin1 -t utf8 -r --notest FOLDER`)"
        )


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8. If not, Python keeps the undecoded bytes as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """A name in quotes; bytes of it that are not UTF-8 are written as \\xNN."""
    return repr(name.encode(errors="surrogateescape"))[1:] if not is_text(name) else f"'{printable(name)}'"


def split_meant(name: str) -> str | None:
    """The split that a folder's name probably means, such as train for Training.

    None if the name is like no split's, or is exactly train, test or val.
    """
    word = name.lower().strip()
    meant = next((split for split in ("train", "test", "val") if word.startswith(split)), None)
    return None if meant == name else meant


def twins(class_names: Sequence[str]) -> list[str]:
    """A sentence for each set of class names that differ only in case, spaces or Unicode form: probably one class."""
    alike: dict[str, list[str]] = {}
    for name in class_names:
        alike.setdefault(" ".join(_composed(_composed(name).casefold()).split()), []).append(name)
    return [_told(names) for names in alike.values() if len(names) > 1]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _told(names: Sequence[str]) -> str:
    forms = {_composed(name) for name in names}
    how = "spaces" if len({" ".join(form.split()) for form in forms}) == 1 else "case"
    how = "Unicode form" if len(forms) == 1 else how
    # names of one Unicode form look the same on a screen
    written = [printable(name) if len(forms) > 1 else ascii(name)[1:-1] for name in names]
    told = " and ".join(f"'{name}'" for name in written)
    return f"classes {told} differ only in {how}: are they one?"
