"""What a search cost: epochs, time, and how busy its slots were. All of this is in the journal."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go
from markupsafe import Markup

from search.journal.history import STATE_WORDS, History, State
from search.journal.log import Event
from search.reporting.context import View
from search.reporting.html import Cell, Figure, Section, bullets, table
from trainers.loss_config import END_TO_END, in_order

BINS = 200  # the most points of the figure over time


@dataclass(frozen=True)
class Usage:
    """How a search used its slots. All times are in seconds, and count only while a driver ran."""

    steps: tuple[tuple[float, int], ...]  # (time, number of trials that ran from then on)
    sessions: tuple[float, ...]  # when each session began
    wall: float
    busy: float  # the time in which a slot was busy, summed over slots
    slots: int  # the most slots that any session had


def cost(view: View) -> Section | None:
    """Epochs by family and state, epochs that stopping early saved, seconds by stage, and busy slots over time.

    None if no session has begun.
    """
    if not view.history.sessions:
        return None
    used = usage(view.events)
    lines = [
        *_epochs_in_words(view),
        *_seconds_in_words(view.history, used, is_fine_tuned=view.spec.classifier.fine_tune),
    ]
    figures = (Figure("slots-busy", _busy_figure(used)),) if used.wall else ()
    return Section("Cost", _epoch_table(view) + bullets(lines), figures)


def usage(events: Iterable[Event]) -> Usage:
    """Find in the journal's events how many slots were busy at what time.

    A slot is busy from a trial's launch to its end or pause. A session that was killed ends with its last event.
    """
    steps: list[tuple[float, int]] = []
    sessions: list[float] = []
    running: set[int] = set()
    clock, last, busy, slots = 0.0, None, 0.0, 0  # clock: seconds of running drivers so far
    for event in events:
        if event["event"] == "start":
            last = None  # no driver ran between the event before and this one
            running.clear()
            sessions.append(clock)
            slots = max(slots, int(event.get("slots", 0)))
            steps.append((clock, 0))
        if not sessions:
            continue  # recorded before the first session: the trials of an older search
        passed = max(0.0, (event["time"] - last) / 1000) if last is not None else 0.0
        clock, busy, last = clock + passed, busy + passed * len(running), event["time"]
        if event["event"] == "launched":
            running.add(event["trial"])
        elif event["event"] == "end" or (event["event"] == "decision" and event["action"] == "pause"):
            running.discard(event["trial"])
        elif event["event"] == "close":
            running.clear()
        if steps[-1][1] != len(running):
            steps.append((clock, len(running)))
    steps.append((clock, len(running)))
    return Usage(tuple(steps), tuple(sessions), clock, busy, slots)


def spared_epochs(view: View) -> int:
    """How many more epochs the stopped trials would have needed to reach their ends."""
    return sum(view.spec.last_epoch(trial.family) - trial.epoch for trial in view.history.in_state("stopped"))


def _epochs_in_words(view: View) -> list[str]:
    done, spared = sum(len(trial.epochs) for trial in view.history.trials.values()), spared_epochs(view)
    stopped = len(view.history.in_state("stopped"))
    if not stopped:
        return [f"{done:,} epochs were computed; no trial was stopped early."]
    return [
        f"{done:,} epochs were computed. Running the {stopped:,} stopped trials to the end would have taken {spared:,} "
        f"more: stopping early saved {spared / (done + spared):.0%}. (Epochs of the classifier are cheaper than the "
        f"representation's, so time is saved in another proportion.)"
    ]


def _seconds_in_words(history: History, used: Usage, *, is_fine_tuned: bool) -> list[str]:
    probe = stage_one = stage_two = 0.0
    for trial in history.trials.values():
        probe += sum(metrics.get("probe_seconds", 0.0) for metrics in trial.epochs.values())
        newest = trial.epochs.get(trial.epoch, {})
        stage_one += newest.get("representation_seconds", 0.0)
        stage_two += newest.get("classifier_seconds", 0.0)
    lines = [f"{_duration(used.wall)} of wall time in {_count(len(used.sessions), 'session')}."]
    if stage_one:
        has_one_stage = any(trial.family in END_TO_END for trial in history.trials.values())
        or_end_to_end = " or end to end" if has_one_stage else ""
        with_tuning = " and in fine-tuning the encoder" if is_fine_tuned else ""
        lines.append(
            f"Summed over trials: {_duration(stage_one - probe)} in the representation{or_end_to_end}, "
            f"{_duration(probe)} in its probes, {_duration(stage_two)} in the classifier{with_tuning}."
        )
    if used.wall and used.slots:
        lines.append(
            f"{used.busy / used.wall:.2f} of {_count(used.slots, 'slot')} were busy on average, from a trial's launch "
            f"to its end or pause."
        )
    return lines


def _epoch_table(view: View) -> Markup:
    epochs: Counter[tuple[str, State]] = Counter()
    for trial in view.history.trials.values():
        epochs[trial.family, trial.state] += len(trial.epochs)
    families = in_order(family for (family, _), count in epochs.items() if count)
    states = [state for state in STATE_WORDS if any(epochs[family, state] for family in families)]
    rows: list[list[Cell | str]] = []
    for family in families:
        counts = [epochs[family, state] for state in states]
        rows.append([Cell(family, mark=view.colour_of(family)), *(f"{count:,}" for count in (*counts, sum(counts)))])
    return table(["epochs of", *(STATE_WORDS[state] for state in states), "all"], rows) if rows else Markup()


def _busy_figure(used: Usage) -> go.Figure:
    unit, name = (60.0, "minutes") if used.wall > 300 else (1.0, "seconds")
    times, counts = zip(*(_binned(used) if len(used.steps) > 2 * BINS else used.steps), strict=True)
    trace = {
        "type": "scatter",
        "x": [round(time / unit, 3) for time in times],
        "y": counts,
        "mode": "lines",
        "line": {"shape": "hv", "width": 1.5},
        "fill": "tozeroy",
        "hovertemplate": f"%{{x:.1f}} {name}: %{{y:.3~g}} busy<extra></extra>",
    }
    figure = go.Figure([trace])
    figure.update_layout(
        height=260, xaxis={"title": {"text": f"{name} of running"}}, yaxis={"title": {"text": "slots busy"}, "dtick": 1}
    )
    if max(used.slots, *counts) > 8:
        figure.update_yaxes(dtick=None)
    for began in used.sessions[1:]:
        figure.add_vline(x=began / unit, line={"dash": "dot"}, annotation={"text": "resumed", "textangle": -90})
    return figure


def _binned(used: Usage) -> list[tuple[float, float]]:
    """The mean number of busy slots in each of `BINS` equal intervals, as pairs of the interval's begin and the mean.

    The thousands of steps of a long search could not be told apart in a figure.
    """
    width = used.wall / BINS
    busy = [0.0] * BINS
    for (begin, count), (end, _) in pairwise(used.steps):
        for number in range(min(BINS - 1, int(begin / width)), min(BINS - 1, int(end / width)) + 1):
            shared = min(end, (number + 1) * width) - max(begin, number * width)
            busy[number] += count * max(0.0, shared)
    return [(number * width, each / width) for number, each in enumerate(busy)]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
