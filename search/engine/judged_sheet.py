"""Pictures of images with their predicted classes: a few images of each class, and the most confident errors.

Test images are drawn at the end of a confirmation, which has the test split open; a report never opens the test split.
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
from trainers.errors import InputError
from trainers.files import write_atomically
from trainers.seeds import derive_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EACH, WRONG, SIDE, CELL, CLASSES = 6, 12, 56, 84, 8  # with these the picture has some 30 kB, small enough for the page
MOST = 1000  # the most validation images that a kept model classifies for the page


def leave_judged_test(confirmation: SearchFolder, run: int, what: str, test: Split, say: Callable[[str], None]) -> None:
    """Write a picture of test images, with the classes that one run predicts, into the confirmation's folder.

    An error is told to `say`, and not raised.

    Args:
        confirmation: the confirmation's folder.
        run: the number of the run in the confirmation.
        what: the run in words, for the caption.
        test: the test split, on which the run was scored.
        say: gets a message if the picture cannot be drawn.
    """
    try:
        bring_scores(confirmation, [run])
        scores, result = confirmation.trial(run).read_scores(), confirmation.trial(run).read_result()
        if scores is None or result is None or scores.test_labels.tolist() != test.labels.tolist():
            say("the report will show no test images: the run saved no predictions for them")
            return
        drawn, told = draw_judged(test.images, test.labels, scores.test, result["class_names"])
        _leave(confirmation.judged_test, drawn, told | {"what": what})
    except Exception as error:  # a missing picture must not make a complete confirmation fail
        say(f"the report will show no test images ({type(error).__name__}: {error})")


def leave_judged_validation(trial: TrialFolder, data: TrialData, what: str) -> None:
    """Write a picture of validation images, with the classes that a trial predicts, into the trial's folder.

    The trial's last checkpoint classifies at most MOST validation images of `data`; `what` is the caption. Raises
    InputError if no checkpoint was kept, or if it was trained on other data.
    """
    if not trial.checkpoints.is_dir():
        raise InputError("its checkpoint is gone")

    import numpy as np
    import torch  # imported only here: it takes seconds

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
    """Draw a few images of each of the first CLASSES classes, then the most confident errors, with their classes.

    Args:
        images: [N, channels, H, W].
        labels: [N], positions in `names`.
        logits: [N, classes], from the classifier.
        names: the names of the classes.

    Returns:
        The picture as a JPEG, and three counts: "images" (N), "wrong" (images that were classified wrongly), and
        "shown" (how many of the wrong images the picture has in its last rows).
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
