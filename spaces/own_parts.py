"""Which code of the user's own a spec names, and in which fields; see `trainers.own_parts`."""

from spaces.conditions import SWITCH
from spaces.ranges import Choice
from spaces.spec import SearchSpec
from trainers.own_parts import is_path


def parts_of_trials(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """The user's own code that a trial needs on the machine where it runs, as pairs of field and import path.

    This is code for the spec's encoder and loss, encoders and losses that the space offers, and baselines' losses.
    """
    fixed = {"model.encoder": [spec.model.encoder], SWITCH: [spec.loss.name, *spec.search.baselines]}
    named: dict[tuple[str, str], None] = {}
    for field, names in fixed.items():
        searched = spec.space.get(field)
        found = [*names, *(map(str, searched.values) if isinstance(searched, Choice) else ())]
        named |= dict.fromkeys((field, name) for name in found if is_path(name))
    return tuple(named)


def own_parts(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """The user's own code in a search, as pairs of field and import path: of trials, then of dataset and sampler.

    The dataset and the sampler run in the driver only, which sends arrays and values to the trials.
    """
    of_driver = (("data.dataset", spec.data.dataset), ("search.sampler", spec.search.sampler))
    return (*parts_of_trials(spec), *((field, name) for field, name in of_driver if is_path(name)))
