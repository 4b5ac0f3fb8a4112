"""The parts of a user's own that a search has, by the fields that name them."""

from spaces.ranges import Choice
from spaces.spec import SearchSpec
from trainers.own_parts import is_path


def parts_of_trials(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """Those that a trial needs where it runs, as field and import path: fixed, or among a searched field's choices."""
    searched = spec.space.get("model.encoder")
    names = [spec.model.encoder, *(searched.values if isinstance(searched, Choice) else ())]
    return tuple(("model.encoder", name) for name in dict.fromkeys(map(str, names)) if is_path(name))


def own_parts(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """All of them: the driver needs the dataset as well, and sends its arrays to the trials."""
    data = (("data.dataset", spec.data.dataset),) if is_path(spec.data.dataset) else ()
    return (*parts_of_trials(spec), *data)
