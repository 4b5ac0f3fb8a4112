"""A trial's searched values for people: which values are shown, and how they are written."""

import re
from collections.abc import Iterable
from typing import Any

from search.journal.history import Decision, Trial
from spaces.conditions import SWITCH
from trainers.loss_config import OWN_LOSS
from trainers.own_parts import MARK

LOSS_FIELDS = ("loss.eta", "loss.gamma", "loss.temperature")
OWN_FIELDS: dict[str, tuple[str, ...]] = {  # by loss.name
    "afcl": LOSS_FIELDS,
    "cross_entropy": ("cross_entropy.lr",),
    "focal": ("focal.gamma", "focal.lr"),
    "logit_adjusted": ("logit_adjusted.tau", "logit_adjusted.lr"),
    "balanced_contrastive": ("balanced_contrastive.temperature",),
    "k_positive": ("k_positive.k", "k_positive.temperature"),
    "supervised_minority": ("supervised_minority.temperature",),
}
SYMBOLS = {
    "loss.eta": "η",
    "loss.gamma": "γ",
    "loss.temperature": "τ",
    SWITCH: "loss",
    "cross_entropy.lr": "lr of CE",
    "cross_entropy.class_weight": "class_weight of CE",
    "focal.lr": "lr of FOCAL",
    "focal.gamma": "γ of FOCAL",
    "focal.class_weight": "class_weight of FOCAL",
    "logit_adjusted.lr": "lr of LA",
    "logit_adjusted.tau": "τ of LA",
    "balanced_contrastive.temperature": "τ of BCL",
    "k_positive.k": "k of KCL",
    "k_positive.temperature": "τ of KCL",
    "supervised_minority.temperature": "τ of SUPMIN",
}


def values_of(trial: Trial) -> str:
    """A trial's searched values in a line: η 12.3, γ 0.5, τ 0.08, … The loss's name is left out."""
    return ", ".join(f"{symbol(path)} {short(value)}" for path, value in searched(trial).items() if path != SWITCH)


def is_on_a_seed(trial: Trial) -> bool:
    """Whether it is a run of a last step or a confirmation; its note ends with its seed (search.engine.paired_runs)."""
    return trial.note.rpartition(", ")[2].startswith("seed ")


def searched(trial: Trial) -> dict[str, Any]:
    """A trial's values by path: first the fields of its loss, searched or not, then the other searched fields."""
    own = OWN_FIELDS.get(trial.config["loss"].get("name", "afcl"), ())
    here = {path: trial.config.get(section, {}).get(name) for path in own for section, name in [path.split(".")]}
    return {path: value for path, value in here.items() if value is not None} | trial.values


def searched_paths(trials: Iterable[Trial]) -> list[str]:
    """The paths that `searched` has for any of the trials, each once and without the loss's name; η, γ and τ first."""
    found = dict.fromkeys(path for trial in trials for path in searched(trial) if path != SWITCH)
    return [*(path for path in LOSS_FIELDS if path in found), *(path for path in found if path not in LOSS_FIELDS)]


def symbol(path: str) -> str:
    """A field's short name in tables, such as η; `NAME of LOSS` for the parameter NAME of a user's own loss."""
    names = path.split(".")
    return SYMBOLS.get(path, f"{names[2]} of {names[1]}" if names[0] == OWN_LOSS and len(names) == 3 else names[-1])


def short(value: object) -> str:
    """A value as a short text: a float with three significant digits, an import path without its source's hash."""
    return f"{value:.3g}" if isinstance(value, float) else str(value).partition(MARK)[0]


def rung_of(trial: Trial) -> str:
    """The epoch of the highest rung that a trial reached, as text; "" if it reached none."""
    return str(max((decision.epoch for decision in trial.decisions), default=""))


def by_epoch(reason: str) -> str:
    """A journal's reason, with "rung 0 (epoch 2)" replaced by "the rung of epoch 2"."""
    return re.sub(r"\brung \d+ \(epoch (\d+)\)", r"the rung of epoch \1", reason)


def in_short(trial: Trial) -> str:
    """Why a trial ended, for a table: 0.5842 below 0.6432 at epoch 2 if it was stopped, else its reason; "" if none."""
    if trial.state != "stopped" or not trial.decisions:
        return by_epoch(trial.reason or "")
    last = trial.decisions[-1]
    return by_epoch(trial.reason or "") if last.cutoff is None else _held_against(last)


def _held_against(decision: Decision) -> str:
    value, cutoff = told_apart(decision.value, decision.cutoff or 0.0)
    return f"{value} below {cutoff} at epoch {decision.epoch}"


def told_apart(one: float, other: float) -> tuple[str, str]:
    """Two values as text with four decimals; with up to eight if fewer would make the two texts equal."""
    for decimals in range(4, 9):
        texts = f"{one:.{decimals}f}", f"{other:.{decimals}f}"
        if texts[0] != texts[1]:
            break
    return texts
