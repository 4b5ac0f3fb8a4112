"""The data and encoders of tests/bench/estimators.py: what each of its cells trains."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from clip_art import CLASSES, fetch
from measure import OUT

from spaces.spec import load_spec
from trainers.config import TrialConfig
from trainers.loss_config import LossConfig

WORK = OUT / "estimators"
PAIRS = (("Pullover", "Coat"), ("Pullover", "Shirt"), ("Dress", "Coat"), ("Sneaker", "Ankle boot"))
RATIOS = ((60, 40), (90, 10), (98, 2))
LOSSES = (LossConfig(), LossConfig(eta=60, gamma=2))  # CL and AFCL, as the baselines have them


@dataclass(frozen=True)
class Cell:
    """One kind of data and an encoder; `overrides` are of a ready spec, with the seed put in."""

    name: str
    spec: str
    overrides: Callable[[int], list[str]]
    features: int = 32  # of the encoder: `small` of width 8
    first_seed: int = 0  # 1 where seed 0 was looked at before the rule that is judged was fixed

    @property
    def slug(self) -> str:
        """The cell's name as that of a file."""
        return "".join(sign if sign.isalnum() else "-" for sign in self.name.lower()).strip("-")


def trial_config(cell: Cell, seed: int) -> TrialConfig:
    """What is trained: the ready spec's trial on this cell's data."""
    config = load_spec(
        cell.spec, [*cell.overrides(seed), "search.baselines=[]", "space={loss.eta: {uniform: [0, 1]}}"]
    ).base
    data = config.data.model_copy(update={"seed": seed})
    return config.model_copy(update={"seed": seed, "data": data, "loss": LOSSES[seed % 2]})


def _pair(pair: tuple[str, str], ratio: tuple[int, int]) -> Cell:
    return Cell(
        f"{pair[0]} / {pair[1]} {ratio[0]}:{ratio[1]}",
        "demo",
        lambda seed: [f"data.classes=[{pair[0]}, {pair[1]}]", f"data.ratio={list(ratio)}"],
    )


def _tail(images: int) -> list[str]:
    return ["data.classes=null", f"data.train_size={images}", "data.ratio=null", "data.long_tail=100"]


def _nine_and_three(most: int, seed: int) -> list[str]:
    counts = [most] * 10
    counts[seed % 10] = 3  # each class is the rare one in turn
    return ["data.classes=null", "data.train_size=null", "data.ratio=null", f"data.counts={counts}"]


def _clip_art() -> str:
    counts = {"image_size": 32, "classes": list(CLASSES), "counts": [120, 60, 20]}
    return json.dumps({"dataset": "folder", "path": str(fetch(WORK / "clip-art")), **counts})


def _with_resnet(cell: Cell) -> Cell:
    seen = cell in DIGITS_CELLS
    return _with_encoder(cell, "ResNet-18", ["model.encoder=resnet18", "representation.lr=1e-3"], 512, int(seen))


def _wide(cell: Cell) -> Cell:
    return _with_encoder(cell, "width 64", ["model.width=64"], 256, 1)


def _with_encoder(cell: Cell, words: str, settings: Sequence[str], features: int, first_seed: int) -> Cell:
    def overrides(seed: int) -> list[str]:
        return [*cell.overrides(seed), *settings]

    name = f"{words}, {cell.name}"
    return replace(cell, name=name, overrides=overrides, features=features, first_seed=first_seed)


DIGITS_TAIL = ["data.classes=null", "data.train_size=300", "data.ratio=null", "data.long_tail=20"]
DIGITS = ['data.classes=["1", "7", "9"]', "representation.epochs=16"]
DIGITS_CELLS = (
    Cell("digits 1, 7, 9, 70:20:10", "digits", lambda seed: DIGITS),
    Cell("digits, ten classes, long tail of 20", "digits", lambda seed: [*DIGITS_TAIL, "representation.epochs=16"]),
)
CLIP_ART = Cell("clip art of people, food, animals, 60:30:10", "demo", lambda seed: [f"data={_clip_art()}"])
CELLS = (
    *(_pair(pair, ratio) for pair in PAIRS for ratio in RATIOS),
    Cell("ten classes, long tail of 100", "demo", lambda seed: _tail(2000)),
    Cell("nine classes of 300, one of 3", "demo", lambda seed: _nine_and_three(300, seed)),
    *DIGITS_CELLS,
)

# the two that showed that 1/N_eff is too weak for ResNet-18 (no seed of them is fresh)
SUGGESTING = tuple(_with_resnet(one) for one in CELLS[1:3])
# of 1,000 images at most, so that a ResNet's training ends
_FASHION = (
    _pair(("Pullover", "Shirt"), (90, 10)),
    _pair(("Dress", "Coat"), (98, 2)),
    _pair(("Sneaker", "Ankle boot"), (98, 2)),
    Cell("ten classes of 1,000 images, long tail of 100", "demo", lambda seed: _tail(1000)),
    Cell("nine classes of 100, one of 3", "demo", lambda seed: _nine_and_three(100, seed)),
)
# what a penalty for many features is judged on
RESNET_JUDGES = tuple(_with_resnet(one) for one in (*DIGITS_CELLS, CLIP_ART, *_FASHION))
WIDE_JUDGES = tuple(_wide(one) for one in (*DIGITS_CELLS, CLIP_ART, *_FASHION))
GROUPS = {
    "`small` of width 8: 32 features": (*CELLS, CLIP_ART),
    "ResNet-18, the two cells that suggested dims and dof": SUGGESTING,
    "`small` of width 64, fresh: 256 features": WIDE_JUDGES,
    "ResNet-18, fresh: 512 features": RESNET_JUDGES,
}
ON_REQUEST = (*SUGGESTING, CLIP_ART, *WIDE_JUDGES, *RESNET_JUDGES)  # for their hours, and the download of clip art


def wanted(only: Sequence[str]) -> Sequence[Cell]:
    """The cells to measure: all, or those whose names hold one of the given words.

    Those on request are measured only where a word is in the first word of their names, as ResNet, width or clip.
    """
    words = [word.lower() for word in only]
    asked = [cell for cell in ON_REQUEST if any(word in cell.name.split()[0].lower() for word in words)]
    named = [cell for cell in CELLS if not words or any(word in cell.name.lower() for word in words)]
    return [*named, *asked]
