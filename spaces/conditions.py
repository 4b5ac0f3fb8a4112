"""Which ranges apply to a trial if the loss itself is searched: those of fields that the trial's loss uses.

`loss.name` in a space is a switch. Each loss has a learning rate and parameters of its own, and a trial has values only
for the fields of its loss. Fields that all losses use (weight_decay, batch_size) exist once, for all of them.
"""

from collections.abc import Mapping
from typing import cast

from spaces.ranges import Choice, Range, Value
from trainers.errors import InputError
from trainers.loss_config import CONTRASTIVE, OWN_LOSS, WITH_A_SECTION, Family, LossName, is_ignored, own_family
from trainers.own_parts import is_path
from trainers.wording import did_you_mean

SWITCH = "loss.name"


def searched_losses(space: Mapping[str, Range], fixed: LossName) -> tuple[LossName, ...]:
    """The losses that a search's proposals may have; only `fixed` if the loss is not searched."""
    switch = space.get(SWITCH)
    return cast(tuple[LossName, ...], switch.values) if isinstance(switch, Choice) else (fixed,)


def families_of(losses: tuple[LossName, ...]) -> tuple[Family, ...]:
    """The families of these losses: first those of FAMILIES, in that order, then those of the user's own losses."""
    known = tuple(family for family, loss in WITH_A_SECTION.items() if loss in losses)
    return (*(CONTRASTIVE if "afcl" in losses else ()), *known, *map(own_family, filter(is_path, losses)))


def active(space: Mapping[str, Range], values: Mapping[str, Value]) -> dict[str, Range]:
    """The ranges that apply to a trial with these values; all of them if the values name no loss."""
    loss = values.get(SWITCH)
    return {path: range_ for path, range_ in space.items() if loss is None or not is_ignored(path, loss)}


def without_inactive(values: Mapping[str, Value]) -> dict[str, Value]:
    """The values of the fields that the loss in `values` uses; all of them if `values` names no loss."""
    loss = values.get(SWITCH)
    return {path: value for path, value in values.items() if loss is None or not is_ignored(path, loss)}


def completed(drawn: Mapping[str, Value], guess: Mapping[str, Value], losses: tuple[LossName, ...]) -> dict[str, Value]:
    """The values of `guess`, and the `drawn` values of all other fields that the trial's loss uses.

    If the guess names no loss, and the drawn loss does not use all fields of the guess, the first of `losses` that uses
    them all is taken, if there is one.
    """
    values = {**drawn, **guess}
    if SWITCH in drawn and SWITCH not in guess and any(is_ignored(path, values[SWITCH]) for path in guess):
        fitting = [loss for loss in losses if not any(is_ignored(path, loss) for path in guess)]
        values[SWITCH] = fitting[0] if fitting else values[SWITCH]
    return without_inactive(values) | dict(guess)


def refuse_unused(space: Mapping[str, Range], losses: tuple[LossName, ...]) -> None:
    """Raise InputError for a range of a field that none of `losses`, the losses of the search's proposals, uses."""
    for path in space:
        if all(is_ignored(path, loss) for loss in losses):
            said = f"loss.name: {losses[0]}" if len(losses) == 1 else f"loss.name of {', '.join(losses)}"
            if path.startswith(f"{OWN_LOSS}."):
                own = [own_family(one) for one in losses if is_path(one)]
                hint = did_you_mean(path.split(".")[1], own) or "; name one in loss.name"
                raise InputError(f"space.{path}: no loss of your own is searched by that name{hint}")
            users = [loss for loss in ("afcl", *WITH_A_SECTION.values()) if not is_ignored(path, loss)]
            choice = ", ".join((*losses, users[0]))
            raise InputError(
                f"space.{path}: has no effect with {said}; leave it out, or search {users[0]} too: "
                f"space.loss.name: {{choice: [{choice}]}}"
            )
