"""The parts of a user's own that a search has, by the fields that name them."""

from spaces.ranges import Choice
from spaces.spec import SearchSpec
from trainers.own_parts import is_path


def own_parts(spec: SearchSpec) -> tuple[tuple[str, str], ...]:
    """Each part as its field and its import path, whether it is fixed or one of a searched field's choices."""
    searched = spec.space.get("model.encoder")
    names = [spec.model.encoder, *(searched.values if isinstance(searched, Choice) else ())]
    return tuple(("model.encoder", name) for name in dict.fromkeys(map(str, names)) if is_path(name))
