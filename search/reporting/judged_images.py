"""A picture of single images, each with the class that the winner predicted, and of the winner's surest mistakes.

If the last confirmation drew such a picture of test images, the report shows this picture. The report itself never
opens the test split. Otherwise the winner's saved model classifies validation images.
"""

import json
from pathlib import Path
from typing import Any

from search.engine.judged_sheet import leave_judged_validation
from search.reporting.context import View, evidence_of, named
from search.reporting.html import Section, picture
from trainers.errors import EnvironmentProblem, InputError


def judged_images(view: View) -> Section | None:
    """The picture; None if it is not there and cannot be drawn either, as the checkpoint or the images are missing."""
    evidence = evidence_of(view)
    if evidence is not None:
        folder = next(one for one in view.folder.confirmations() if one.name == evidence.confirmation)
        if (found := _read(folder.judged_test)) is not None:
            return _section("test", *found)
    if not view.ranked:
        return None
    best = view.ranked[0]
    trial = view.folder.trial(best.number)
    if (found := _read(trial.judged)) is None:
        try:
            leave_judged_validation(trial, view.images, named(best))
        except (InputError, EnvironmentProblem, OSError):  # the section of the embeddings says what is missing
            return None
        found = _read(trial.judged)
    return None if found is None else _section("validation", *found)


def _read(path: Path) -> tuple[bytes, dict[str, Any]] | None:
    """A picture, and its description from the JSON file beside it; None if one of the two files is missing."""
    try:
        return path.read_bytes(), json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except OSError:
        return None


def _section(split: str, content: bytes, told: dict[str, Any]) -> Section:
    sure, wrong = told["shown"], told["wrong"]
    which = f"{sure} wrong predictions" if sure > 1 else "wrong prediction"
    then = f", then the {which} with the highest probability" if sure else ""
    marked = "; x marks a wrong one" if sure else ""
    counted = f"{wrong or 'none'} {'was' if wrong < 2 else 'were'} wrong"
    said = (
        f"Images of the {split} split with the classes that {told['what']} predicted: a few of each class, drawn "
        f"by lot{then}. Below each image is the predicted class with its probability in per cent{marked}. Of "
        f"{told['images']} images {counted}. These are the predictions of one run: another seed errs elsewhere."
    )
    return Section(f"{split.capitalize()} images, and the surest mistakes", picture(content, said))
