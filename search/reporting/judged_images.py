"""Test images with the winner's answers, as the confirmation drew them while the split was open.

The report opens no test split: without the picture there is no section.
"""

import json

from search.reporting.context import View, evidence_of
from search.reporting.html import Section, picture

TITLE = "Test images, and the surest mistakes"


def judged_images(view: View) -> Section | None:
    """The picture of the last weighed confirmation; None if it drew none, as those of older versions."""
    evidence = evidence_of(view)
    if evidence is None:
        return None
    folder = next(one for one in view.folder.confirmations() if one.name == evidence.confirmation)
    try:
        content = folder.judged_test.read_bytes()
        told = json.loads(folder.judged_test.with_suffix(".json").read_text(encoding="utf-8"))
    except OSError:
        return None
    said = (
        f"Test images with the answers of {told['what']}: a few of each class, drawn by lot, then the {told['shown']} "
        f"wrong answers with the highest probability. The per cent are the probability of the answer; x marks a wrong "
        f"one. Of {told['images']} test images {told['wrong']} were wrong. These are the answers of one run: another "
        "seed errs elsewhere."
    )
    return Section(TITLE, picture(content, said))
