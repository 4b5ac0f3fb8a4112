"""The comparison as tables and two pictures: results/bench/replay.md."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
from curve_space import EPOCHS, epoch_seconds
from peers.pictures import draw
from peers.registry import BUDGETS, CHECKPOINTS, OURS, PEERS
from scipy import stats

COMPARED_AT = (0.5, 1.0)  # of the budget
UNIT = 1e4  # regrets are told in 1/10,000
SECONDS_AN_EPOCH = mean(epoch_seconds(epoch, EPOCHS) for epoch in range(1, EPOCHS + 1))  # of a whole trial
TIMES = (0.125, 0.25, 0.5, 1.0)  # of the time in which busy slots spend the budget
HEAD = """# Our search beside its peers, on simulated learning curves

Regret: what the expected test score (balanced accuracy) of the configuration that a search would choose lacks to the
best there is, in 1/10,000; mean over seeds ± standard error; smaller is better. Each seed is another surface, the same
for all searches, with the noise of seeds and of validation images: `tests/replay/curve_generator.py`, fitted to real
trials of the demo (`calibrate.py`). Each trial has a split and an initialisation of its own. The choice is by one rule
for all: of trials that ran to their end (16 epochs) the one with the best last score; before there is one, the best at
the furthest epoch. A search's thinking takes no time on the simulated clock. On some surfaces a region fails, as with
a high learning rate; each search is told so as its library has it. Seeds 0-99 are for development, and may have been
looked at when a search was made: this is no final judgement. Which settings are a library's defaults and which were
set stands in the docstrings of `tests/replay/peers/`. To make it again, or to go on: `make replay-peers`.

Difference: a search's regret less ours on the same seeds, with its 95 % t interval; above 0 ours is better. Ratio: our
mean regret over its mean regret, with a 95 % interval (delta method on the logarithm, paired); below 1 ours is better.
"""


def write_report(table: pd.DataFrame, folder: Path) -> Path:
    """Write replay.md and its pictures from the rows of `results`; what was not run is left out."""
    parts = [HEAD]
    panels = [(regime, slots) for slots in BUDGETS for regime in sorted(table["regime"].unique())]
    panels = [one for one in panels if not panel_of(table, *one).empty]
    if not panels:
        parts.append("Nothing has been run yet.\n")
    else:
        draw(table, panels, folder)
        parts.append("![regret against epochs](replay-epochs.png)\n\n![regret against time](replay-time.png)\n")
    for regime, slots in panels:
        parts.append(f"## {regime} training images, {slots} slot{'s' * (slots > 1)}, {BUDGETS[slots]:,} epochs\n")
        panel = panel_of(table, regime, slots)
        parts += [markdown(epochs_table(panel, BUDGETS[slots])), markdown(time_table(panel, slots))]
    path = folder / "replay.md"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def panel_of(table: pd.DataFrame, regime: str, slots: int) -> pd.DataFrame:
    """The rows of one regime and one number of slots."""
    return table[(table["regime"] == regime) & (table["slots"] == slots) & (table["most_epochs"] == BUDGETS.get(slots))]


def peers_in(panel: pd.DataFrame) -> list[str]:
    """Searches that are there, in the registry's order."""
    there = set(panel["peer"])
    return [name for name in PEERS if name in there]


def regret_at(panel: pd.DataFrame, column: str, limit: float) -> pd.DataFrame:
    """By peer (columns) and seed (index): the last regret known at a limit of `epochs_spent` or `seconds`.

    A search that ended before keeps its last; one that had not ended an epoch then is not there.
    """
    known = panel[panel[column] <= limit].sort_values("epochs_spent")
    return known.groupby(["seed", "peer"])["regret"].last().unstack("peer") * UNIT


def epochs_table(panel: pd.DataFrame, budget: int) -> list[list[str]]:
    """A row for each search: regret by epochs, and how it compares with ours."""
    ends = [round(share * budget) for share in COMPARED_AT]
    checkpoints = [at for at in CHECKPOINTS if at <= budget]
    head = ["search", "seeds", "trials (finished, failed)", *(f"at {at}" for at in checkpoints)]
    head += [name for at in ends for name in (f"difference at {at}", f"ratio at {at}")]
    regrets = {at: regret_at(panel, "epochs_spent", at) for at in checkpoints}
    rows = [head]
    for name in peers_in(panel):
        own = panel[panel["peer"] == name].sort_values("epochs_spent").groupby("seed").last()
        counts = f"{own['trials'].mean():.0f} ({own['finished'].mean():.0f}, {own['failed'].mean():.1f})"
        cells = [mean_and_error(regrets[at][name]) for at in checkpoints]
        compared = [cell for at in ends for cell in against_ours(regrets[at], name)]
        rows.append([f"**{name}**" if name == OURS else name, str(len(own)), counts, *cells, *compared])
    return rows


def time_table(panel: pd.DataFrame, slots: int) -> list[list[str]]:
    """A row for each search: regret by simulated seconds, and how it compares with ours at the last of them."""
    whole = BUDGETS[slots] * SECONDS_AN_EPOCH / slots
    times = [round(share * whole, 1) for share in TIMES]
    regrets = {at: regret_at(panel, "seconds", at) for at in times}
    last = times[-1]
    rows = [["search", *(f"after {at:g} s" for at in times), f"difference at {last:g} s", f"ratio at {last:g} s"]]
    for name in peers_in(panel):
        cells = [mean_and_error(regrets[at].get(name, pd.Series(dtype=float))) for at in times]
        rows.append([f"**{name}**" if name == OURS else name, *cells, *against_ours(regrets[last], name)])
    return rows


def mean_and_error(regrets: pd.Series) -> str:
    """Mean over seeds with its standard error."""
    known = regrets.dropna()
    if len(known) < 2:
        return "–" if known.empty else f"{known.iloc[0]:.0f}"
    return f"{known.mean():.0f} ± {known.std() / len(known) ** 0.5:.0f}"


def against_ours(regrets: pd.DataFrame, name: str) -> tuple[str, str]:
    """Difference and ratio, each with its interval; dashes for ours itself and where too few seeds are in both."""
    if name == OURS or OURS not in regrets or name not in regrets:
        return "–", "–"
    both = regrets[[OURS, name]].dropna()
    if len(both) < 3:
        return "–", "–"
    less, low, high = difference(both[name].to_numpy() - both[OURS].to_numpy())
    of, under, over = ratio(both[OURS].to_numpy(), both[name].to_numpy())
    return f"{less:+.0f} ({low:+.0f} to {high:+.0f})", f"{of:.2f} ({under:.2f} to {over:.2f})"


def difference(pairs: np.ndarray) -> tuple[float, float, float]:
    """The mean of paired differences [n] with its 95 % t interval."""
    half = stats.t.ppf(0.975, len(pairs) - 1) * pairs.std(ddof=1) / len(pairs) ** 0.5
    return float(pairs.mean()), float(pairs.mean() - half), float(pairs.mean() + half)


def ratio(above: np.ndarray, below: np.ndarray) -> tuple[float, float, float]:
    """The ratio of two means over the same seeds [n], with its 95 % interval by the delta method on its logarithm."""
    of = above.mean() / below.mean()
    spread = (above / above.mean() - below / below.mean()).std(ddof=1)
    half = stats.t.ppf(0.975, len(above) - 1) * spread / len(above) ** 0.5
    return float(of), float(of * np.exp(-half)), float(of * np.exp(half))


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table, its first row the head."""
    return "\n".join(_lines(rows)) + "\n"


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *others = rows
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for row in others:
        yield f"| {' | '.join(row)} |"
