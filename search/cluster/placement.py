"""Where Ray Tune puts a search's trials, on a cluster that others use as well and whose nodes come and go.

Tune requests a trial's resources once, cannot say on which nodes, and keeps the worker of an ended trial for the next
trial. That suits a cluster with one search. Here each request names the nodes that may take trials at that moment
("admitted", see search.cluster.node_health). A waiting request is made again when these nodes change. A worker's
resources are returned to Ray if they are another search's share.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ray.tune import PlacementGroupFactory
from ray.tune.experiment import Trial as RayTrial
from ray.util.placement_group import NODE_ID_LABEL_KEY, PlacementGroup, placement_group, placement_group_table

from search.cluster import ray_internals
from search.cluster.node_health import Admission

GIVE_WAY_SECONDS = 10.0  # the longest wait for other searches to take returned resources


class Placement(PlacementGroupFactory):
    """A request for a trial's resources, which are to be on nodes that are admitted when Ray gets the request."""

    def __init__(self, wanted: PlacementGroupFactory, admitted: Callable[[], Sequence[str]]) -> None:
        head: list[dict[str, float]] = [{}] if wanted.head_bundle_is_empty else []
        self._wanted, self._admitted = (head + wanted.bundles, wanted.strategy), admitted
        super().__init__(*self._wanted)

    def to_placement_group(self) -> PlacementGroup:
        """Request the resources from Ray, on the nodes that are admitted now."""
        nodes = f"in({','.join(self._admitted() or ['none'])})"  # no blanks: Ray 2.60 takes them as part of an id
        selectors = [{NODE_ID_LABEL_KEY: nodes} for _ in self.bundles]
        group: PlacementGroup = placement_group(self.bundles, self.strategy, bundle_label_selector=selectors)
        return group

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the plain request, for Ray's snapshots, which are never read back."""
        return PlacementGroupFactory, self._wanted


class Places:
    """Keeps a session's trials on admitted nodes, and returns resources that are other searches' share."""

    def __init__(self, admission: Admission, is_full: Callable[[], bool], is_crowded: Callable[[], bool]) -> None:
        """is_full: says whether all slots are taken. is_crowded: says whether there are more searches than slots."""
        self._admission, self._is_full, self._is_crowded = admission, is_full, is_crowded
        self._asked_with = admission.ids()

    def on_trial_add(self, trial: RayTrial) -> None:
        """Limit a trial to admitted nodes. Called when Tune has a trial to run, or to run again."""
        wanted = trial.placement_group_factory
        assert wanted is not None, "Tune sets it before it tells of the trial"
        if not isinstance(wanted, Placement):
            trial.update_resources(Placement(wanted, self._admission.ids))

    def on_step(self, controller: Any) -> None:
        """Follow changes of the nodes, and end workers that are not needed. Called before Tune starts trials.

        `controller` is Tune's TuneController, which has no public interface.
        """
        self._admission.look()
        if self._asked_with != (now := self._admission.ids()):
            self._asked_with = now
            ask_anew(controller)
        waits = any(trial.status == RayTrial.PENDING for trial in controller.get_trials())
        if self._is_crowded() and ray_internals.has_idle_workers(controller):
            give_way(controller)
        elif self._admission.avoids_some or (self._is_full() and not waits):
            ray_internals.release_idle_workers(controller)


def give_way(controller: Any) -> None:
    """Let other searches, which wait for resources, have those of an ended trial. Takes GIVE_WAY_SECONDS at most.

    Ray gives free resources to the request that it looks at next. Usually that is a request of the search that has just
    returned them. So this search requests nothing until the waiting searches have their resources.
    """
    deadline = time.monotonic() + GIVE_WAY_SECONDS
    ray_internals.release_idle_workers(controller)
    while ray_internals.has_ending_workers(controller) and time.monotonic() < deadline:
        ray_internals.take_in_ended_workers(controller, 0.1)
    while time.monotonic() < deadline and any(one["state"] == "PENDING" for one in placement_group_table().values()):
        time.sleep(0.2)


def ask_anew(controller: Any) -> None:
    """Cancel the requests that still wait, and make them again, for the nodes that are admitted now."""
    resources, waiting = ray_internals.resources_of(controller), ray_internals.waiting_requests(controller)
    for request, number in waiting.items():
        for _ in range(number):
            resources.cancel_resource_request(request)
    for request, number in waiting.items():
        for _ in range(number):
            resources.request_resources(request)
