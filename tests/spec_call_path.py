"""The way of a spec, from the command's function to the pipeline: through which files it goes, and how often back up.

    python tests/spec_call_path.py            # prints the way, file by file, and the counts
    python tests/spec_call_path.py --json     # the same as JSON

A tiny search (digits, one baseline, one epoch of each stage) runs in this process, with Ray Tune played by a loop of a
few lines: it asks the searcher for a trial and calls the trainable on it, as Ray would in a worker. Every call of a
function of ours is looked at until the pipeline is called. The numbers are the same at every run.

The spec is carried by a SearchSpec, by a TrialConfig or its plain values, and by whatever holds one of these (an
attribute of an object of ours, a value of a mapping), or holds what holds one, as a session its task.

The way goes through a call that is still open when the pipeline is called, or that returned what carries the spec, if
its caller is on the way too. What is given the spec and returns something else (a check, a plan, a listener) is a
detour: the spec does not go on from there. Making an object is no call on the way; calling it later may be. What a
decorator puts around a function is that function.

A step forward goes from one file into another of a lower rank (tests/helpers/ranks.py) or of the same; a step back is a
run upwards, by returns or by a call, to a file of a higher rank, from which the way goes on. The files that the way
crosses are those between the command's and the pipeline's; both ends are not counted.

Beside the way, all files are counted that are given the spec, with the times that a reader has to come back from one:
detours too. A function that takes the values that it uses, and not the spec, is not among them.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from ranks import RANK, room_of  # noqa: E402

SECTIONS = {"data", "model", "loss", "representation", "classifier"}  # of a trial's configuration as plain values
SPEC = ["search.trials=0", "search.baselines=[CL]", "space={}", "search.scheduler.name=none"]
EPOCHS = ["representation.epochs=1", "representation.warmup_epochs=0", "model.width=4"]
GOAL = "trainers.pipeline"


OURS = ("search", "spaces", "trainers")
WRAPPERS = (
    "trainers.commands:told_in_hints.<locals>.called",
)  # what a decorator puts around a function is that function
UNNAMED = ("<module>", "<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>")


@dataclass
class Call:
    """A call of a function of ours."""

    module: str
    function: str
    caller: "Call | None"  # ours that called, whatever stands between
    is_given: bool  # whether an argument carries the spec
    leads_on: bool = True  # it has not returned yet, or returned what carries the spec

    @property
    def is_on_the_way(self) -> bool:
        """Whether the spec goes on from here."""
        return self.leads_on and (self.caller is None or self.caller.is_on_the_way)

    def callers(self) -> "Iterator[Call]":
        """Those that called it, the nearest first."""
        above = self.caller
        while above is not None:
            yield above
            above = above.caller


@dataclass
class Walk:
    """A way through modules: each is entered from the one before, or after going back up to who called it."""

    modules: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)  # each step back, in words

    def enter(self, call: Call, caller: str | None) -> None:
        """Go into a call. caller: the module to which the way comes back for it; None for the first."""
        here = self.modules[-1] if self.modules else call.module
        for module in (caller or here, call.module):
            if rank(module) < rank(here):
                self.back.append(f"{here} -> {module} ({call.function})")
            if self.modules[-1:] != [module]:
                self.modules.append(module)
            here = module

    @property
    def files(self) -> list[str]:
        """The modules, each once."""
        return list(dict.fromkeys(self.modules))

    @property
    def crossed(self) -> list[str]:
        """The modules but for both ends."""
        return [name for name in self.files if name not in (self.modules[0], self.modules[-1])]


def rank(module: str) -> int:
    """From the top, which is 0."""
    return RANK[room_of(module)]


def carries(value: object) -> bool:
    """Whether a value is a spec or a configuration, or holds one, or holds what holds one."""
    held = [] if _is_one(value) else _held_by(value)
    return _is_one(value) or any(map(_is_one, held)) or any(_is_one(one) for each in held for one in _held_by(each))


def _is_one(value: object) -> bool:
    return type(value).__name__ in ("SearchSpec", "TrialConfig") or (
        isinstance(value, Mapping)
        and value.keys() >= SECTIONS
        and all(isinstance(value[one], Mapping) for one in SECTIONS)
    )


def _held_by(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    is_ours = type(value).__module__.partition(".")[0] in OURS and hasattr(value, "__dict__")
    return list(vars(value).values()) if is_ours else []


class ArrivedError(BaseException):
    """The pipeline has been called; no trial need run."""


class Watch:
    """Notes every call of ours from the command's function on, until the pipeline is called."""

    def __init__(self, begin: str) -> None:
        """begin: the function with which the way begins, as module:function."""
        self.calls: list[Call] = []
        self._begin, self._open = begin, dict[FrameType, Call]()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        """Take a call or a return, as sys.setprofile tells of it."""
        module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_qualname
        if event not in ("call", "return") or module.partition(".")[0] not in OURS:
            return
        if event == "return":
            if (call := self._open.pop(frame, None)) is not None:
                call.leads_on = name.rpartition(".")[2] != "__init__" and carries(argument)
            return
        if (
            not (self.calls or f"{module}:{name}" == self._begin)
            or name.rpartition(".")[2] in UNNAMED
            or f"{module}:{name}" in WRAPPERS
        ):
            return
        taken = frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]
        is_given = any(carries(frame.f_locals.get(one)) for one in taken)
        self._open[frame] = call = Call(module, name, self._caller_of(frame), is_given)
        self.calls.append(call)
        if module == GOAL and is_given:
            raise ArrivedError

    def _caller_of(self, frame: FrameType) -> Call | None:
        above = frame.f_back
        while above is not None and above not in self._open:
            above = above.f_back
        return None if above is None else self._open[above]

    def way(self) -> Walk:
        """The way itself."""
        walk = Walk()
        for call in self.calls:
            if call.is_on_the_way:
                walk.enter(call, next((above.module for above in call.callers()), None))
        return walk

    def given(self) -> Walk:
        """All that are given the spec, detours too."""
        walk = Walk()
        for call in self.calls:
            if call.is_given:
                known = (above.module for above in call.callers() if above.is_given or above.is_on_the_way)
                walk.enter(call, next(known, None))
        return walk


@contextmanager
def ray_played() -> Iterator[None]:
    """Ray Tune as a loop in this process: one node, one trial after the other, each in the worker's own words."""
    import ray
    from ray import tune

    told: list[Callable[[dict[str, Any]], object]] = []

    class Tuner:
        def __init__(self, trainable: Any, tune_config: Any, run_config: Any) -> None:
            self._trainable, self._config, self._run = trainable, tune_config, run_config

        def fit(self) -> None:
            searcher, scheduler, (callback, *_) = (
                self._config.search_alg,
                self._config.scheduler,
                self._run.callbacks,
            )
            number = 0
            while not self._run.stop.stop_all():
                assignment = searcher.suggest(f"trial-{number}")
                if not isinstance(assignment, dict):
                    break
                trial = SimpleNamespace(config=assignment)
                callback.on_trial_start(0, [], trial)
                told.append(lambda result, trial=trial: scheduler.on_trial_result(None, trial, result))
                self._trainable(assignment)
                told.pop()
                searcher.on_trial_complete(f"trial-{number}")
                callback.on_trial_complete(0, [], trial)
                number += 1

    node = {"Alive": True, "NodeID": "here", "Resources": {"CPU": 1.0}}
    with (
        patch.object(tune, "Tuner", Tuner),
        patch.object(tune, "with_parameters", lambda trainable, **given: lambda one: trainable(one, **given)),
        patch.object(tune, "with_resources", lambda trainable, resources: trainable),
        patch.object(tune, "report", lambda metrics: told[-1](metrics)),
        patch.object(ray, "init"),
        patch.object(ray, "shutdown"),
        patch.object(ray, "put", lambda value: value),
        patch.object(ray, "get", lambda value: value),
        patch.object(ray, "nodes", lambda: [node]),
        patch.object(ray, "get_gpu_ids", list),
    ):
        yield


def watched_search() -> Watch:
    """Run the search from the command's function on, and watch.

    Only in a process of its own: the session is left in the middle, with its threads.
    """
    import torch

    from search.cli import app
    from spaces.spec import load_spec
    from trainers.data import load

    load(load_spec("digits").data)  # what it imports is not to be watched, which makes each call slower
    torch.optim.SGD([torch.zeros(1)])
    watch = Watch("search.cli.app:search")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as results, ray_played():
        words = ["search", "digits", "--results", results]
        for one in (*SPEC, *EPOCHS):
            words += ["--set", one]
        sys.setprofile(watch)
        try:
            app.app(words, standalone_mode=False)
        except ArrivedError:
            return watch
        finally:
            sys.setprofile(None)
    raise AssertionError("the pipeline was never called")


def main() -> None:
    """Print both."""
    is_json = sys.argv[1:] == ["--json"]
    with redirect_stdout(sys.stderr if is_json else sys.stdout):
        watch = watched_search()
    if is_json:
        print(json.dumps({"way": vars(watch.way()), "given": vars(watch.given())}))
        return
    for about, walk in (("the way", watch.way()), ("all that are given the spec", watch.given())):
        print(f"\n{about}: crosses {len(walk.crossed)} files, {len(walk.back)} steps back")
        print("  " + "\n  ".join(walk.modules))
        print("back:", *walk.back, sep="\n  ")


if __name__ == "__main__":
    main()
