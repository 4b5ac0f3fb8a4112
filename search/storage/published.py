"""A published result: a search's folder that was given away with its tables and verdicts, but without its journal.

Its trials are read from its tables (search.journal.tables_read). What needs the journal refuses.
"""

import json

from search.journal.tables_read import damaged_table
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError

STATE = "published"  # of such a search


def need_journal(folder: SearchFolder, verb: str) -> None:
    """Raise InputError if a folder is a published result, which lacks the journal that the command `verb` needs."""
    if folder.is_published():
        raise InputError(
            f"search {folder.title} is published without its journal, which `afcl {verb}` needs; "
            f"`{folder.hint('show')}` shows what is here"
        )


def verdict_in_words(searched: SearchFolder) -> str | None:
    """What the search's last confirmation with a verdict said of the losses, in a sentence; None without one."""
    left = [folder.verdict for folder in searched.confirmations() if folder.verdict.exists()]
    if not left:
        return None
    try:
        told = json.loads(left[-1].read_text(encoding="utf-8"))
        seeds, sentence = len(told["seeds"]), str(told["families"]["test_balanced_accuracy"]["sentence"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged_table(left[-1], error) from None
    return f"On {seeds} fresh seed{'s' if seeds != 1 else ''} and the test split: {sentence}"
