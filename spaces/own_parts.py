"""The user's own code that a spec names, by field; see `trainers.own_parts`."""

from spaces.conditions import SWITCH
from spaces.ranges import Choice
from spaces.spec import SearchSpec
from trainers.own_parts import is_path


def parts_of_trials(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """The parts that a trial needs where it runs, as pairs of field and import path.

    These are the encoder and the loss of the spec, those among the choices of the space, and the losses of baselines.
    """
    fixed = {"model.encoder": [spec.model.encoder], SWITCH: [spec.loss.name, *spec.search.baselines]}
    named: dict[tuple[str, str], None] = {}
    for field, names in fixed.items():
        searched = spec.space.get(field)
        found = [*names, *(map(str, searched.values) if isinstance(searched, Choice) else ())]
        named |= dict.fromkeys((field, name) for name in found if is_path(name))
    return tuple(named)


def own_parts(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """All parts of a search. The driver also needs dataset and sampler; it gives trials their arrays and values."""
    of_driver = (("data.dataset", spec.data.dataset), ("search.sampler", spec.search.sampler))
    return (*parts_of_trials(spec), *((field, name) for field, name in of_driver if is_path(name)))
