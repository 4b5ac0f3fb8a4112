"""Read search.json, which has the format version, the id and the provenance of a search."""

import json
from pathlib import Path
from typing import Any

from trainers.errors import InputError

# The formats of a search's folder, by number:
# 1: probe and score come from two estimators, and there is no field `classifier.solver`. Such a folder is read and
#    continued with the solver `adamw`, with which probe and score keep their meaning.
# 2: `classifier.solver` names the estimator of probe and score.
# 3: a trial's loss has a name. A loss that is trained end to end has no eta, gamma and temperature.
# 4: `search.decide_by` may be auto. In older folders the metric decides, or the measure that the field names.
# 5: trials may pause at rungs. The journal then has events `promoted` and `judged`, and decisions `pause`.
# 6: `classifier.l2_rules` says what `l2: auto` means. In older folders it is always 1 / N_eff.
FORMAT, READABLE = 6, (1, 2, 3, 4, 5, 6)
# the entries that every provenance must have; that of an older version has no scoring_code
PROVENANCE = ("versions", "git_commit", "code", "data", "machine")


def read_about(path: Path) -> dict[str, Any]:
    """The content of the search.json at `path`. Raises InputError if it is damaged or its format is not in READABLE."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise InputError(f"{path} is damaged: not a JSON object")
    if about.get("format") not in READABLE:
        raise InputError(
            f"{path.parent} is of format {about.get('format')}, but this afcl reads formats "
            f"{min(READABLE)} to {max(READABLE)}"
        )
    known: Any = about.get("provenance")
    missing = [key for key in PROVENANCE if not isinstance(known, dict) or key not in known]
    if missing or "id" not in about:
        raise InputError(f"{path} is damaged: it lacks {', '.join(missing) or 'id'}")
    for section, key in (("data", "description"), ("data", "fingerprint"), ("machine", "cpu")):
        if not isinstance(known[section], dict) or not isinstance(known[section].get(key), str):
            raise InputError(f"{path} is damaged: its {section} has no {key}")
    if not isinstance(known["versions"], dict):
        raise InputError(f"{path} is damaged: its versions are not names with their versions")
    return about
