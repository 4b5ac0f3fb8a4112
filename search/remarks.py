"""What somebody should know of a search before it starts, though nothing of it stops a plan."""

from collections.abc import Iterator


def remarks(missing_test: str | None) -> Iterator[str]:
    """Sentences, none where all is well. missing_test: what would give the data a test split."""
    if missing_test is not None:
        yield no_test_split(missing_test)


def no_test_split(mend: str) -> str:
    """That there is none, and what follows. mend: what would give the data one."""
    return f"no test split: `afcl confirm` will not be possible; to have one, {mend}"
