"""The comparison as tables and two pictures: results/bench/replay.md."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
from curve_space import EPOCHS, epoch_seconds
from peers.pictures import draw
from peers.registry import BUDGETS, CHECKPOINTS, OURS, PEERS
from peers.results import panel_of
from scipy import stats

COMPARED_AT = (160, 320)  # epochs, and at the budget's end
UNIT = 1e4  # regrets are told in 1/10,000
SECONDS_AN_EPOCH = mean(epoch_seconds(epoch, EPOCHS) for epoch in range(1, EPOCHS + 1))  # of a whole trial
TIMES = (0.125, 0.25, 0.5, 1.0)  # of the time in which busy slots spend the budget
HEAD = """# Our search beside its peers, on simulated learning curves

Regret: what the expected test score (balanced accuracy) of the configuration that a search would choose lacks to the
best there is, in 1/10,000; mean over seeds ± standard error; smaller is better. Each seed is another surface, the
same for all searches, with the noise of seeds and of validation images: `tests/replay/curve_generator.py`, fitted to
real trials of the demo (`calibrate.py`). Each trial has a split and an initialisation of its own. The choice is by
one rule for all but the first: of trials that ran to their end (16 epochs) the one with the best last score; before
there is one, the best at the furthest epoch. Ours is `ours-promotion`: promotion with the sampler `curves`. As the
product does, it is told the soft balanced accuracy of the same images, and chooses by all learning curves. `ours` is
the product's TPE with ASHA, told and choosing as the peers are. A search's thinking takes no time on the simulated
clock. On some surfaces a region fails, as with a high learning rate; each search is told so as its library has it.
Seeds 0-99 are for development, and may have been looked at when a search was made: this is no final judgement, which
is [judgement.md](judgement.md). Which settings are a library's defaults and which were set stands in the docstrings
of `tests/replay/peers/`. To make it again, or to go on: `make replay-peers`.

Difference: a search's regret less ours on the same seeds, with its 95 % t interval; above 0 ours is better. Ratio: our
mean regret over its mean regret, with a 95 % interval (delta method on the logarithm, paired); below 1 ours is better.
"""


def write_report(table: pd.DataFrame, folder: Path) -> Path:
    """Write replay.md and its pictures from the rows of `results`; what was not run is left out."""
    parts = [HEAD]
    panels = [(regime, slots) for slots in BUDGETS for regime in sorted(table["regime"].unique())]
    panels = [one for one in panels if not panel_of(table, *one).empty]
    if panels:
        draw(table, panels, folder)
        parts.append("![regret against epochs](replay-epochs.png)\n\n![regret against time](replay-time.png)\n")
        parts.append("A search with less than a third of the others' seeds is in the tables alone.\n")
        parts.append("## Ratios at the end of the budget\n")
        parts.append(markdown(summary(table, panels)))
    else:
        parts.append("Nothing has been run yet.\n")
    for regime, slots in panels:
        panel = panel_of(table, regime, slots)
        parts.append(f"## {in_words(regime, slots)}, {BUDGETS[slots]:,} epochs\n")
        made = epochs_table(panel, BUDGETS[slots]), time_table(panel, slots), comparison(panel, slots)
        parts += [markdown(rows) for rows in made]
    path = folder / "replay.md"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def in_words(regime: str, slots: int) -> str:
    """A panel's name."""
    return f"{regime} training images, {slots} slot{'s' * (slots > 1)}"


def peers_in(panel: pd.DataFrame) -> list[str]:
    """Searches that are there, the best at the end first."""
    ends = panel.sort_values("epochs_spent").groupby(["peer", "seed"])["regret"].last()
    means = ends.groupby("peer").mean()
    return sorted((name for name in PEERS if name in means.index), key=lambda name: means[name])


def regret_at(panel: pd.DataFrame, column: str, limit: float) -> pd.DataFrame:
    """By peer (columns) and seed (index): the last regret known at a limit of `epochs_spent` or `seconds`.

    A search that ended before keeps its last; one that had not ended an epoch then is not there.
    """
    known = panel[panel[column] <= limit].sort_values("epochs_spent")
    return known.groupby(["seed", "peer"])["regret"].last().unstack("peer") * UNIT


def summary(table: pd.DataFrame, panels: Sequence[tuple[str, int]]) -> list[list[str]]:
    """A row for each search, a column for each panel: our regret at the end over its regret."""
    rows = [["search", *(in_words(*one) for one in panels)]]
    ends = {one: regret_at(panel_of(table, *one), "epochs_spent", BUDGETS[one[1]]) for one in panels}
    named = [name for name in PEERS if name != OURS and any(name in end for end in ends.values())]
    return rows + [[name, *(against_ours(ends[one], name)[1] for one in panels)] for name in named]


def epochs_table(panel: pd.DataFrame, budget: int) -> list[list[str]]:
    """A row for each search: how many seeds and trials it has, and its regret by epochs."""
    checkpoints = [at for at in CHECKPOINTS if at <= budget]
    regrets = {at: regret_at(panel, "epochs_spent", at) for at in checkpoints}
    rows = [["search", "seeds", "trials (finished, failed)", *(f"at {at:,}" for at in checkpoints)]]
    for name in peers_in(panel):
        own = panel[panel["peer"] == name].sort_values("epochs_spent").groupby("seed").last()
        counts = f"{own['trials'].mean():.0f} ({own['finished'].mean():.0f}, {own['failed'].mean():.1f})"
        rows.append([shown(name), str(len(own)), counts, *(cell(regrets[at], name) for at in checkpoints)])
    return rows


def time_table(panel: pd.DataFrame, slots: int) -> list[list[str]]:
    """A row for each search: its regret by simulated seconds."""
    times = times_of(slots)
    regrets = {at: regret_at(panel, "seconds", at) for at in times}
    rows = [["search", *(f"after {at:g} s" for at in times)]]
    rows += [[shown(name), *(cell(regrets[at], name) for at in times)] for name in peers_in(panel)]
    return rows


def comparison(panel: pd.DataFrame, slots: int) -> list[list[str]]:
    """A row for each search but ours: how it compares with ours."""
    last = times_of(slots)[-1]
    ends = sorted({*COMPARED_AT, BUDGETS[slots]})
    at = {f"at {epochs:,}": regret_at(panel, "epochs_spent", epochs) for epochs in ends}
    at[f"after {last:g} s"] = regret_at(panel, "seconds", last)
    rows = [["search", *(f"{what} {when}" for when in at for what in ("difference", "ratio"))]]
    for name in peers_in(panel):
        found = [one for regrets in at.values() for one in against_ours(regrets, name)]
        rows += [[name, *found]] if name != OURS else []
    return rows


def times_of(slots: int) -> list[float]:
    """Simulated seconds at which regrets are told."""
    return [round(share * BUDGETS[slots] * SECONDS_AN_EPOCH / slots, 1) for share in TIMES]


def shown(name: str) -> str:
    """A search's name; ours stands out."""
    return f"**{name}**" if name == OURS else name


def cell(regrets: pd.DataFrame, name: str) -> str:
    """A search's regret."""
    return mean_and_error(regrets[name]) if name in regrets else "–"


def mean_and_error(regrets: pd.Series) -> str:
    """Mean over seeds with its standard error."""
    known = regrets.dropna()
    if len(known) < 2:
        return "–" if known.empty else f"{known.iloc[0]:.0f}"
    return f"{known.mean():.0f} ± {known.std() / len(known) ** 0.5:.0f}"


def against_ours(regrets: pd.DataFrame, name: str) -> tuple[str, str]:
    """Difference and ratio, each with its interval; dashes for ours, and where both have fewer than five seeds."""
    if name == OURS or OURS not in regrets or name not in regrets:
        return "–", "–"
    both = regrets[[OURS, name]].dropna()
    if len(both) < 5:
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
