"""Test the user's own encoders, losses and sampler before the first trial, and record the hashes of their sources.

A plan, a search, a resume, a confirmation and a last step all call `tried`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from search.algorithms import samplers
from search.engine.first_encoder import tried_encoders
from spaces.conditions import SWITCH, active
from spaces.corners import corners, ends
from spaces.ranges import Choice, Range, Value
from spaces.sections import SearchConfig
from spaces.spec import SearchSpec
from trainers.contrastive_loss import FIELD, try_loss
from trainers.loss_config import OWN_LOSS, own_family
from trainers.own_parts import is_path, with_source_hash


def tried(spec: SearchSpec, shape: Sequence[int], *, proposes: bool = True) -> dict[str, Any]:
    """Test each encoder, loss and sampler of the user's own that a search may use, and find the hash of its source.

    Args:
        spec: the search's spec.
        shape: an image's shape, [C, H, W].
        proposes: whether to test the sampler too; False for a confirmation and a last step, which propose no trials.

    Returns:
        The fields of the spec that change, by name, for `spec.model_copy(update=…)`: a hash follows the import path of
        each tested part, and the path of a file of weights. Empty if there is none of these, or if all have hashes.

    Raises:
        InputError: a part cannot be imported, differs from the one that the search began with, or fails a check. The
            message has one line. See `tried_encoders`, `try_loss` and `try_sampler`.
        EnvironmentProblem: see `tried_encoders`.
    """
    model, space, first = tried_encoders(spec.model, spec.space, spec.search.first, shape, spec.resources.workers)
    search = spec.search.model_copy(update={"first": first})
    hashed = _with_hashed_losses(spec.model_copy(update={"model": model, "space": space, "search": search}))
    for name in hashed.own_losses:
        for values in _values_to_try(hashed, name):
            try_loss(hashed.trial_config(_drawn(hashed.space, name) | {SWITCH: name} | dict(values)))
    if proposes and is_path(hashed.search.sampler):
        hashed = hashed.model_copy(update={"search": _with_tried_sampler(hashed)})
    after = {name: getattr(hashed, name) for name in ("model", "loss", "space", "search")}
    return {name: value for name, value in after.items() if value != getattr(spec, name)}


def _with_tried_sampler(spec: SearchSpec) -> SearchConfig:
    name = with_source_hash(samplers.FIELD, spec.search.sampler)
    search = spec.search.model_copy(update={"sampler": name})
    spaces = [spec.family_space(family)[0] for family in spec.families] if search.per_family else [spec.space]
    for space in spaces if search.trials else ():
        samplers.try_sampler(space, search)
    return search


def _with_hashed_losses(spec: SearchSpec) -> SearchSpec:
    def hashed(name: Value) -> str:
        return with_source_hash(FIELD, str(name)) if is_path(str(name)) else str(name)

    space = dict(spec.space)
    if isinstance(switch := space.get(SWITCH), Choice):
        space[SWITCH] = Choice(tuple(map(hashed, switch.values)))
    loss = spec.loss.model_copy(update={"name": hashed(spec.loss.name)})
    baselines = tuple(map(hashed, spec.search.baselines))
    first = tuple(
        {path: hashed(one) if path == SWITCH else one for path, one in guess.items()} for guess in spec.search.first
    )
    search = spec.search.model_copy(update={"baselines": baselines, "first": first})
    return spec.model_copy(update={"loss": loss, "search": search, "space": space})


def _values_to_try(spec: SearchSpec, name: str) -> Iterator[Mapping[str, Value]]:
    """The values, by path, with which to test the loss called `name`: one mapping for each test.

    An empty mapping, for the fixed values, comes first if the loss is a baseline or none of its parameters is searched.
    Then come the ends of its parameters' ranges, alone and in pairs; its other parameters are at their first ends. Last
    come the values of the first guesses that name this loss or one of its parameters.
    """
    section = f"{OWN_LOSS}.{own_family(name)}."
    own = {path: one for path, one in spec.space.items() if path.startswith(section)}
    if name in spec.search.baselines or not own:
        yield {}
    first = {path: ends(one)[0] for path, one in own.items()}
    for values in corners(own):
        yield first | values
    for guess in spec.search.first:
        if guess.get(SWITCH) == name or any(path.startswith(section) for path in guess):
            yield first | guess


def _drawn(space: Mapping[str, Range], name: str) -> dict[str, Value]:
    """The first end of each range that the loss called `name` uses, except those of its own parameters.

    These values replace the fixed ones, because a fixed value that a range overrides need not be valid.
    """
    ranges = active(space, {SWITCH: name})
    return {path: ends(one)[0] for path, one in ranges.items() if not path.startswith(f"{OWN_LOSS}.")}
