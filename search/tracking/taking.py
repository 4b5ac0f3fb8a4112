"""Write to an MLflow store that may refuse single items. The others are written, and the refused ones are noted.

A call can fail in three ways:

- The store takes nothing at all: it is down, busy, full, or denies access. The error is raised, and everything is tried
  again later.
- A run was deleted. Items that belong to this run are left out.
- The store refuses this one item. The item is noted, and the others are still written. A refused batch is halved until
  the refused items are found.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from search.tracking.names import cut
from search.tracking.refusals import Refusals
from search.tracking.troubles import in_one_line, is_busy, is_gone, is_of_the_store, is_of_what_it_was_given, is_timeout

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

Answer = TypeVar("Answer")
Item = TypeVar("Item")
METRICS_AT_ONCE, PARAMETERS_AT_ONCE = 1000, 100  # MLflow's limits
ENOUGH = 16  # if this many values of a metric were refused and none was taken, the others are not tried one by one
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds between tries on a busy store
SHORTER = (500, 250)  # the longest parameters that older servers take, in characters


class Taker:
    """Writes items to an MLflow store, one call after another, and notes the items that the store refuses."""

    def __init__(
        self, client: "MlflowClient", refusals: Refusals, alive: Callable[[], None], wait: Callable[[float], object]
    ) -> None:
        """Prepare to write to a store.

        Args:
            client: the store's client.
            refusals: notes the items that the store refuses.
            alive: raises if nothing can be delivered because the experiment was deleted.
            wait: waits for a number of seconds.
        """
        self._client, self._refusals, self._alive, self._wait = client, refusals, alive, wait
        self.names: dict[str, str] = {}  # names of runs for messages, by run id
        self._gone: set[str] = set()  # ids of deleted runs
        self._refused: Counter[str] = Counter()  # how many values were refused, by metric
        self._taken: set[str] = set()  # metrics of which a value was taken
        self.set_aside: set[tuple[str, str, int]] = set()  # refused values: run, key and step
        self.lacks_more = False  # whether anything but metric values was refused or left out

    def attempt(self, run: str | None, kind: str, what: str, call: Callable[[], Answer]) -> Answer | None:
        """Write one item. The call may be repeated, so it must be idempotent.

        Args:
            run: the id of the run that the item belongs to, if any.
            kind: what sort of item it is, as in `Refusal.kind`.
            what: the item in words, as in `Refusal.what`.
            call: writes the item.

        Returns:
            What the call returns; None if the item was refused or its run was deleted.

        Raises:
            Exception: MLflow's error, if the store takes nothing now.
        """
        if run in self._gone:
            return None
        try:
            return self._patiently(call)
        except Exception as error:  # MLflow raises whatever its store raises
            if self._belongs_to_a_gone_run(run, error):
                return None
            self._raise_if_of_the_store(error)
            if is_timeout(error):  # the server may still be working on the call
                raise
            why = error
        if not is_of_what_it_was_given(why):
            try:  # a server error that occurs once is not a refusal
                return self._patiently(call)
            except Exception as error:
                self._raise_if_of_the_store(error)
                why = error
        self._refusals.add(kind, what, in_one_line(why))
        self.lacks_more = True
        return None

    def log_metrics(self, run: str, metrics: Sequence["Metric"]) -> None:
        """Write metric values to the run with the id `run`."""
        hopeless = {one.key for one in metrics if self._refused[one.key] >= ENOUGH and one.key not in self._taken}
        groups = [[one for one in metrics if one.key == key] for key in sorted(hopeless)]
        groups.append([one for one in metrics if one.key not in hopeless])

        def send(part: Sequence["Metric"]) -> None:
            self._client.log_batch(run, metrics=part)
            self._taken.update(one.key for one in part)

        def refused(one: "Metric", why: Exception) -> None:
            self._refused[one.key] += 1
            self.set_aside.add((run, one.key, one.step))
            self._refusals.add("value", f"{one.key} of {self._name(run)} at {one.step}", in_one_line(why))

        for group in groups:
            is_hopeless = bool(group) and group[0].key in hopeless
            for start in range(0, len(group), METRICS_AT_ONCE):
                part = group[start : start + METRICS_AT_ONCE]
                self._log(run, part, send, refused, in_halves=not is_hopeless)

    def log_params(self, run: str, params: Sequence["Param"]) -> None:
        """Write parameters to the run with the id `run`. If the store refuses a long value, try shorter forms of it."""
        from mlflow.entities import Param

        def send(part: Sequence["Param"]) -> None:
            self._client.log_batch(run, params=part)

        def refused(one: "Param", why: Exception) -> None:
            for longest in SHORTER:
                if len(one.value) > longest:
                    try:
                        return send([Param(one.key, cut(one.value, longest))])
                    except Exception as error:
                        self._raise_if_of_the_store(error)
            self.lacks_more = True
            return self._refusals.add("parameter", f"the parameter {one.key} of {self._name(run)}", in_one_line(why))

        for start in range(0, len(params), PARAMETERS_AT_ONCE):
            self._log(run, params[start : start + PARAMETERS_AT_ONCE], send, refused)

    def _log(
        self,
        run: str,
        items: Sequence[Item],
        send: Callable[[Sequence[Item]], None],
        refused: Callable[[Item, Exception], None],
        *,
        in_halves: bool = True,
    ) -> None:
        parts, tried_again = [items], False
        while parts and run not in self._gone:
            part = parts.pop()
            if not part:
                continue
            try:
                self._patiently(lambda part=part: send(part))  # type: ignore[misc]
            except Exception as error:
                if self._belongs_to_a_gone_run(run, error):
                    return
                self._raise_if_of_the_store(error)
                if len(part) > 1 and in_halves:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                elif not tried_again and not is_of_what_it_was_given(error):
                    parts.append(part)  # a server error that occurs once is not a refusal
                    tried_again = True
                    continue
                else:
                    for one in part:
                        refused(one, error)
            tried_again = False

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        for pause in PAUSES:
            try:
                return call()
            except Exception as error:
                if not is_busy(error):
                    raise
            self._wait(pause)
        return call()

    def _belongs_to_a_gone_run(self, run: str | None, error: Exception) -> bool:
        if run is None or not is_gone(error):
            return False
        self._alive()
        self._gone.add(run)
        self.lacks_more = True
        self._refusals.add("run", f"the items of {self._name(run)}", "its run was deleted in MLflow")
        return True

    def _name(self, run: str) -> str:
        return self.names.get(run, run)

    def _raise_if_of_the_store(self, error: Exception) -> None:
        """Raise if the store takes nothing now: `error`, or what a read raises. Return if it refuses only this item."""
        if is_of_the_store(error):
            raise error
        if not is_of_what_it_was_given(error):
            try:
                self._client.search_experiments(max_results=1)
            except Exception as silent:
                raise silent from error
            self._alive()
