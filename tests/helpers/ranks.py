"""The ranks of the house, for its test and for the way of a spec."""

# From the top: a module may import from lower lines and from its own package. Lazy and type-only imports count.
RANKS = (
    ("search.__main__",),
    ("search.cli",),
    ("search",),  # the public names
    ("search.confirming", "search.machine", "search.reading", "search.submitted", "search.takeaway"),
    ("search.api",),
    ("search.handle",),
    ("search.outcomes",),
    ("search.live_page",),
    ("search.reporting",),
    ("search.display",),
    ("search.engine",),
    ("search.tracking",),
    ("search.cluster", "search.worker", "search.evidence", "search.exports"),
    ("search.storage", "search.algorithms"),
    ("search.journal",),
    ("spaces",),
    ("trainers.launch",),
    ("trainers.pipeline",),
    (
        "trainers.gpu_memory",
        "trainers.predictor",
        "trainers.trial_result",
    ),  # they stand at the root, and stand on both stages
    ("trainers.stages",),
    ("trainers.losses", "trainers.models"),
    ("trainers.data",),
    ("trainers.compute",),
    ("trainers",),  # the leaves at its root
)
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}


def room_of(module: str) -> str:
    """The longest name in the table that a module stands under."""
    parts = module.split(".")
    return next(room for k in range(len(parts), 0, -1) if (room := ".".join(parts[:k])) in RANK)
