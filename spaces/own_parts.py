"""The user's own code that a spec names, by field; see `trainers.own_parts`."""

from spaces.ranges import Choice
from spaces.spec import SearchSpec
from trainers.own_parts import is_path


def parts_of_trials(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """The parts that a trial needs where it runs, as pairs of field and import path.

    These are the encoder of the spec and the encoders among the choices of the space.
    """
    searched = spec.space.get("model.encoder")
    names = [spec.model.encoder, *(searched.values if isinstance(searched, Choice) else ())]
    return tuple(("model.encoder", name) for name in dict.fromkeys(map(str, names)) if is_path(name))


def own_parts(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """All parts of a search. The driver also needs the dataset; trials get its arrays from the driver."""
    data = (("data.dataset", spec.data.dataset),) if is_path(spec.data.dataset) else ()
    return (*parts_of_trials(spec), *data)
