"""A published result: a search's folder that was given away with its tables and verdicts, but without its journal.

Its trials are read from its tables (search.journal.tables_read). What needs the journal refuses.
"""

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
