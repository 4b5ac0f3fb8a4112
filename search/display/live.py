"""The view of a running search: a live table if the output can be redrawn, else plain lines."""

import time
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from search.display.console import tell
from search.display.durations import Countdown, in_words
from search.display.fitted import Column, FittedTable
from search.display.leaderboard import family_of, footnote, leaderboard
from search.display.notebook import LiveBlock, NotebookConsole
from search.engine.plan import Plan
from search.engine.status import luck_in_words
from search.engine.time_left import cost_left
from search.journal.history import History, Trial
from search.journal.labels import by_epoch, is_on_a_seed, rung_of, values_of
from search.journal.log import Event
from search.journal.progress import Progress
from trainers.console import can_redraw

QUIET_SECONDS = 8.0  # after this long without a line, the plain view prints a sign of life


class LiveView:
    """Shows a search's progress from its events."""

    def __init__(self, console: Console, plan: Plan, metric: str, problem: Callable[[], str | None]) -> None:
        """Prepare the view.

        Args:
            console: shows the view.
            plan: the search's plan.
            metric: the name of the metric to show.
            problem: returns a sentence about a present problem with MLflow or the store; None if there is none.
        """
        self._console, self._plan, self._metric, self._problem = console, plan, metric, problem
        self._progress = Progress(History(), plan.representation_epochs)
        self._started = self._last_line = time.monotonic()
        self._has_run = False  # whether a trial has run in this session
        self._timed_from: float | None = None  # when the session's first result came; before that, workers start
        self._countdown = Countdown()
        self._epochs_before: tuple[int, ...] = (0, 0)  # how many epochs of each stage were done at `_timed_from`
        self._left_waiting: list[Trial] = []  # they ended one right after the other, and no line has told of them yet
        self._told: set[str] = set()  # the texts of the problems that were shown, up to the first bracket
        self._live = _live_on(console, self._render)

    def start(self, history: History) -> None:
        """Start to show a search. `history` is its history so far."""
        self._progress = Progress(history, self._plan.representation_epochs)
        self._started = time.monotonic()
        if self._live is not None:
            self._live.start()
        else:  # a first line, as the workers take seconds to start
            self.tell(f"{self._idle()}; {self._standing()}")

    def stop(self) -> None:
        """End the view. The live table disappears."""
        self._tell_of_those_left_waiting()
        if self._live is not None:
            self._live.stop()

    def on_event(self, event: Event, history: History) -> None:
        """Show an event, which `history` has already."""
        if event["event"] == "enough":
            self._plan = replace(self._plan, trials=event["trials"])
            self.tell(next(luck_in_words(history)))
        if self._progress.history is history:
            self._progress.on_event(event)
        else:  # the view was not started yet
            self._progress = Progress(history, self._plan.representation_epochs)
        self._has_run = self._has_run or event["event"] == "launched"
        if self._timed_from is None and event["event"] == "result":
            self._timed_from, self._epochs_before = time.monotonic(), tuple(self._progress.epochs)
        if self._live is not None:
            self._redraw()
            return
        ended = history.trials[event["trial"]] if event["event"] == "end" else None
        if ended is not None and ended.ended_waiting:
            self._left_waiting.append(ended)
            return
        self._tell_of_those_left_waiting()
        if ended is not None:
            self.tell(f"{_ending(ended)}; {self._standing()}")
        else:
            self.sign_of_life()

    def _tell_of_those_left_waiting(self) -> None:
        """Print one line for the trials that ended waiting: at the end of a search they are most of its trials."""
        ended, self._left_waiting = self._left_waiting, []
        if len(ended) == 1:
            self.tell(f"{_ending(ended[0])}; {self._standing()}")
        elif ended:
            numbers = ", ".join(str(trial.number) for trial in ended)
            self.tell(
                f"{len(ended)} trials that waited at rungs stopped, as others went on: {numbers}; {self._standing()}"
            )

    def sign_of_life(self) -> None:
        """Redraw the table. The plain view prints a new problem, and what runs if no line was printed for a while."""
        if self._live is not None:
            self._redraw()
            return
        self._tell_of_those_left_waiting()
        problem = self._problem()
        if problem is not None and (kind := problem.partition("(")[0]) not in self._told:
            self._told.add(kind)
            self.tell(problem)
        if time.monotonic() - self._last_line > QUIET_SECONDS:
            told = ", ".join(f"{trial.number} at epoch {trial.epoch}" for trial in self._progress.running)
            self.tell(f"{f'running: trial {told}' if told else self._idle()}; {self._standing()}")

    def tell(self, text: str) -> None:
        """Print a line with the time, above the live table if there is one."""
        self._last_line = time.monotonic()
        minutes, seconds = divmod(int(self._last_line - self._started), 60)
        tell(self._console, f"{minutes:3d}:{seconds:02d}  {text}")

    def _redraw(self) -> None:
        """Redraw the live table in a notebook. On a terminal, rich redraws the table from a thread of its own."""
        if isinstance(self._live, LiveBlock):
            self._live.refresh()

    def _idle(self) -> str:
        return "no trial runs just now" if self._has_run else "starting workers"

    def _waited(self) -> str:
        """How long workers have been starting, as the live table shows no times: under load it takes minutes."""
        waited = time.monotonic() - self._started
        return "" if self._has_run or waited < QUIET_SECONDS else f" for {in_words(waited)}"

    def _standing(self) -> str:
        ended = self._progress.ended
        parts = [f"{ended} of {self._plan.trials} trials ended"]
        if (left := self._time_left()) is not None and ended < self._plan.trials:
            parts.append(f"about {left} left")
        if best := self._best():
            parts.append(f"best {best[0].score:.4f} (trial {best[0].number}, {best[0].family})")
        return ", ".join(parts)

    def _best(self) -> list[Trial]:
        """The best trials so far; none for runs on fresh seeds, as a lucky seed is no better configuration."""
        return [trial for trial in self._progress.best if not is_on_a_seed(trial)]

    def _time_left(self) -> str | None:
        if self._timed_from is None:
            return None
        fresh = [now - before for now, before in zip(self._progress.epochs, self._epochs_before, strict=True)]
        passed = time.monotonic() - self._timed_from
        if sum(fresh) < 5 or passed < 5:
            return None
        now = time.monotonic()
        estimate = cost_left(self._progress, self._plan) * passed / self._progress.cost(*fresh)
        return in_words(self._countdown.left(estimate, now))

    def _render(self) -> Group:
        progress, running = self._progress, self._progress.running
        columns = (
            Column("trial", right=True),
            Column("loss"),
            Column("epoch", right=True),
            Column("rung", right=True),
            Column(self._metric.removeprefix("val_")),
            Column("values", gives_way="wrapped"),
        )
        table = FittedTable(columns, [self._row(trial) for trial in running])
        parts: list[object] = []
        if best := self._best():
            title = f"best so far (score: {self._metric.removeprefix('val_')})"
            parts += [Text(title, style="bold"), leaderboard(best), *footnote(best), Text()]
        done = progress.cost_done
        bar = ProgressBar(total=done + cost_left(progress, self._plan), completed=done)
        parts += [Text("running", style="bold"), table] if running else [Text(self._idle() + self._waited())]
        parts += [Text(), Text(self._standing()), bar]
        if problem := self._problem():
            parts.append(Text(problem, style="yellow"))
        return Group(*parts)  # type: ignore[arg-type]

    def _row(self, trial: Trial) -> tuple[str, ...]:
        latest = trial.latest(self._metric)
        return (
            str(trial.number),
            family_of(trial),
            f"{trial.epoch}/{self._plan.last_epoch_of(trial)}",
            rung_of(trial),
            "" if latest is None else f"{latest:.4f}",
            values_of(trial),
        )


def _live_on(console: Console, render: Callable[[], Group]) -> Live | LiveBlock | None:
    """An object that shows and redraws what `render` returns; None if the output cannot be redrawn."""
    if isinstance(console, NotebookConsole):
        return console.live(render)
    if not can_redraw(console):
        return None
    return Live(
        console=console,
        get_renderable=render,
        refresh_per_second=4,
        redirect_stdout=False,
        redirect_stderr=False,
        transient=True,
    )


def _ending(trial: Trial) -> str:
    name = f"trial {trial.number} {trial.kind}"
    if trial.state == "finished":
        return f"{name} finished with {trial.score:.4f}"
    return f"{name} {trial.state}: {by_epoch(trial.reason or '')}"
