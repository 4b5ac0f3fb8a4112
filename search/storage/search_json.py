"""What a search's folder says of itself in search.json: format version, id, provenance."""

import json
from pathlib import Path
from typing import Any

from trainers.errors import InputError

# 2: classifier.solver says what probe and score are. In 1 they were two estimators, and there was no such field: a
# folder of format 1 is read, and gone on with, as `adamw`, under which both mean what they meant.
# Since format 3 a trial's loss has a name, and may be trained end to end, without eta, gamma and temperature.
# Since format 4 `search.decide_by` may be auto; an older folder was decided by its metric, or by what it names.
FORMAT, READABLE = 4, (1, 2, 3, 4)
# what every folder notes; those of older versions have no scoring_code
PROVENANCE = ("versions", "git_commit", "code", "data", "machine")


def read_about(path: Path) -> dict[str, Any]:
    """The content of a search.json. Raises InputError where it is damaged, or of another format."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise InputError(f"{path} is damaged: not a JSON object")
    if about.get("format") not in READABLE:
        readable = " and ".join(map(str, READABLE))
        raise InputError(f"{path.parent} is of format {about.get('format')}, but this afcl reads format {readable}")
    known: Any = about.get("provenance")
    missing = [key for key in PROVENANCE if not isinstance(known, dict) or key not in known]
    if missing or "id" not in about:
        raise InputError(f"{path} is damaged: it lacks {', '.join(missing) or 'id'}")
    for section, key in (("data", "description"), ("data", "fingerprint"), ("machine", "cpu")):
        if not isinstance(known[section], dict) or not isinstance(known[section].get(key), str):
            raise InputError(f"{path} is damaged: its {section} has no {key}")
    if not isinstance(known["versions"], dict):
        raise InputError(f"{path} is damaged: its versions are no list of names and versions")
    return about
