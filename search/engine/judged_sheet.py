"""Pictures of images with a classifier's answers: a few of each class, and those that it got wrong most surely.

Of the test split they are drawn while a confirmation has it open, because a report never opens it.
"""

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.evidence.wrong_images import Judged, a_few_of, judged, most_sure_and_wrong
from search.storage.fetch import bring_scores
from search.storage.search_folder import SearchFolder
from search.storage.trial_folder import TrialFolder
from trainers.data.arrays import Images, Labels, Split, TrialData
from trainers.files import write_atomically
from trainers.seeds import derive_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EACH, WRONG, SIDE, CELL, CLASSES = 6, 12, 56, 84, 8  # some 30 kB, as the page holds it
MOST = 1000  # validation images that a kept model answers for the page


def leave_judged_test(confirmation: SearchFolder, run: int, what: str, test: Split, say: Callable[[str], None]) -> None:
    """Draw the test images with one run's answers into the confirmation's folder. A failure is reported and no more.

    Args:
        confirmation: its folder.
        run: the number of the run in it.
        what: the run in words, for the caption.
        test: the test split, which the run has scored.
        say: is told of a failure.
    """
    try:
        bring_scores(confirmation, [run])
        scores, result = confirmation.trial(run).read_scores(), confirmation.trial(run).read_result()
        if scores is None or result is None or scores.test_labels.tolist() != test.labels.tolist():
            say("the report will show no test images: the run left no answers to them")
            return
        drawn, told = draw_judged(test.images, test.labels, scores.test, result["class_names"])
        _leave(confirmation.judged_test, drawn, told | {"what": what})
    except Exception as error:  # a picture must not stop a confirmation, which is through
        say(f"the report will show no test images ({type(error).__name__}: {error})")


def leave_judged_validation(trial: TrialFolder, data: TrialData, what: str) -> None:
    """Draw validation images with the answers of a trial whose last checkpoint was kept, into the trial's folder.

    Raises InputError without a checkpoint that fits.
    """
    import numpy as np
    import torch  # seconds

    from search.evidence.kept_model import kept_model
    from trainers.stages.batches import to_device

    checkpoint, predictor = kept_model(trial, data.fingerprint)
    drawn_by = np.random.default_rng(derive_seed(checkpoint.config["data"]["seed"], "judged", 0))
    chosen = np.sort(drawn_by.permutation(len(data.validation.labels))[:MOST])
    split = Split(data.validation.images[chosen], data.validation.labels[chosen])
    logits = predictor(to_device(split, len(data.class_names), torch.device("cpu")).images).numpy()
    drawn, told = draw_judged(split.images, split.labels, logits, data.class_names)
    _leave(trial.judged, drawn, told | {"what": what})


def _leave(path: Path, drawn: bytes, about: dict[str, Any]) -> None:
    write_atomically(path, drawn)
    write_atomically(path.with_suffix(".json"), (json.dumps(about) + "\n").encode())


def draw_judged(
    images: Images, labels: Labels, logits: "NDArray[np.floating[Any]]", names: Sequence[str]
) -> tuple[bytes, dict[str, Any]]:
    """The picture as a JPEG, and how many images there are and were wrong.

    Args:
        images: [N, C, H, W].
        labels: [N], positions in `names`.
        logits: [N, C], the classifier's.
        names: of the classes.
    """
    from trainers.data.sheet import draw_rows  # imports Pillow

    answers = judged(logits, labels)
    rows = [
        (f"{name}: a few, with the answers", [(images[one.image], _words(one, names)) for one in few])
        for label, name in enumerate(names[:CLASSES])
        if (few := a_few_of(answers, label, EACH, seed=0))
    ]
    sure = most_sure_and_wrong(answers, WRONG)
    for first in range(0, len(sure), EACH):
        heading = "Wrong, the surest first: the true class, and the answer" if first == 0 else ""
        rows.append((heading, [(images[one.image], _both(one, names)) for one in sure[first : first + EACH]]))
    drawn = BytesIO()
    draw_rows(rows, side=SIDE, cell=CELL).save(drawn, "JPEG", quality=70)
    wrong = sum(one.answer != one.true for one in answers)
    return drawn.getvalue(), {"images": len(answers), "wrong": wrong, "shown": len(sure)}


def _words(one: Judged, names: Sequence[str]) -> list[str]:
    return [f"{'' if one.answer == one.true else 'x '}{one.probability:.0%} {names[one.answer]}"]


def _both(one: Judged, names: Sequence[str]) -> list[str]:
    return [names[one.true], f"> {one.probability:.0%} {names[one.answer]}"]
