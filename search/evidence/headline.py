"""A confirmation's verdict in one sentence, read from verdict.json alone: the evidence's own module loads SciPy."""

import json

from search.journal.tables_read import damaged_table
from search.storage.search_folder import SearchFolder


def headline(seeds: int, sentence: str) -> str:
    """A verdict on the test split with the number of fresh seeds that it is from; `sentence` says who comes first."""
    return f"On {seeds} fresh seed{'s' if seeds != 1 else ''} and the test split: {sentence}"


def last_headline(searched: SearchFolder) -> str | None:
    """The headline of the search's last confirmation that has a verdict; None if no confirmation has one.

    Raises:
        InputError: verdict.json is damaged.
    """
    left = [folder.verdict for folder in searched.confirmations() if folder.verdict.exists()]
    if not left:
        return None
    try:
        told = json.loads(left[-1].read_text(encoding="utf-8"))
        return headline(len(told["seeds"]), str(told["families"]["test_balanced_accuracy"]["sentence"]))
    except (ValueError, KeyError, TypeError) as error:
        raise damaged_table(left[-1], error) from None
