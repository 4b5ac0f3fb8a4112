"""Names of classes and files: names that are not text, and names that a person cannot tell apart."""

import unicodedata
from collections.abc import Iterable, Sequence

from trainers.errors import InputError
from trainers.wording import printable


def refuse_undecodable(names: Iterable[str], what: str) -> None:
    """Raise InputError for a name whose bytes are not UTF-8, as a file from an old archive may have.

    No page, table or store could show it, so it is refused before a search and not at its first result.
    """
    wrong = sorted({name for name in names if not is_text(name)})
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise InputError(
            f"data.path: the {what}{' ' if what else ''}name {shown(wrong[0])}{more} is no text in UTF-8; rename it "
            "(on Linux: `convmv -f latin1 -t utf8 -r --notest FOLDER`)"
        )


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8. If not, it has bytes that Python kept undecoded, as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """A name in quotes, with the bytes that are not text as \\xNN."""
    return repr(name.encode(errors="surrogateescape"))[1:] if not is_text(name) else f"'{printable(name)}'"


def split_meant(name: str) -> str | None:
    """The split that a folder's name probably means, such as train for Training; else None."""
    word = name.lower().strip()
    meant = next((split for split in ("train", "test", "val") if word.startswith(split)), None)
    return None if meant == name else meant


def twins(class_names: Sequence[str]) -> list[str]:
    """Sentences about classes that differ only in case, spaces or Unicode form: one class written in two ways."""
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
