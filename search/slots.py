"""How many trials fit on the nodes of a cluster at once."""

from spaces.spec import ResourcesConfig

Node = dict[str, float]  # a live node's resources by Ray's names


def slots_on(resources: ResourcesConfig, nodes: list[Node]) -> int:
    """How many trials fit on the nodes at once. The workers of one may be on several nodes."""
    return workers_on(resources, nodes) // resources.workers


def workers_on(resources: ResourcesConfig, nodes: list[Node]) -> int:
    """How many workers fit on the nodes at once, each on a single node."""
    wanted = {kind: amount for kind, amount in (("CPU", resources.cpus), ("GPU", resources.gpus)) if amount > 0}
    return sum(min(int(node.get(kind, 0.0) / amount + 1e-9) for kind, amount in wanted.items()) for node in nodes)
