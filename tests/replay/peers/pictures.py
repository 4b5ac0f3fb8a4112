"""The comparison as two pictures: mean regret against epochs and against the simulated time."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from peers.registry import OURS, PEERS
from peers.results import panel_of
from PIL import Image

STYLES = {"product": "#d62728", "random_search": "#7f7f7f", "optuna_study": "#1f77b4", "ray_tune": "#2ca02c"}
STYLES |= {"syne_tune_scheduler": "#9467bd", "smac_facade": "#ff7f0e"}
DASHES = ("-", "--", ":", "-.", (0, (1, 3)), (0, (6, 1, 1, 1, 1, 1)))
POINTS = 80  # of a line
FROM = 1 / 16  # of the budget: what is chosen before tells of the first draws only
FEWEST, SHARE = 5, 1 / 3  # a line stands for so many seeds, and for this share of the most that a search has


def draw(table: pd.DataFrame, panels: Sequence[tuple[str, int]], folder: Path) -> None:
    """Write replay-epochs.png and replay-time.png: a panel for each regime and number of slots."""
    folder.mkdir(parents=True, exist_ok=True)
    for column, name, title in (
        ("epochs_spent", "epochs", "epochs over all trials"),
        ("seconds", "time", "simulated seconds"),
    ):
        _figure(table, panels, column, title, folder / f"replay-{name}.png")


def _figure(table: pd.DataFrame, panels: Sequence[tuple[str, int]], column: str, title: str, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rows = -(-len(panels) // 2)
    figure, axes = pyplot.subplots(rows, min(2, len(panels)), figsize=(11, 3.4 * rows), squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    styles = styles_of(list(PEERS))
    lines = {}
    for ax, (regime, slots) in zip(axes.flat, panels, strict=False):
        panel = panel_of(table, regime, slots)
        fewest = max(FEWEST, SHARE * panel.groupby("peer")["seed"].nunique().max())
        for peer, of_peer in panel.groupby("peer"):
            if of_peer["seed"].nunique() < fewest:
                continue
            places, means = mean_line(of_peer, column, FROM * panel[column].max())
            colour, dash = styles[str(peer)]
            (lines[str(peer)],) = ax.plot(places, 1e4 * means, color=colour, ls=dash, lw=2.6 if peer == OURS else 1.1)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:.0f}")
        ax.yaxis.set_minor_formatter("{x:.0f}")
        ticks = panel[column].max() * 0.5 ** np.arange(5)
        ax.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
        ax.set_xticks([], minor=True)
        ax.tick_params(labelsize=8, which="both")
        ax.set_title(f"{regime}, {slots} slot{'s' * (slots > 1)}", fontsize=10)
        ax.set_xlabel(title, fontsize=9)
        ax.set_ylabel("mean regret × 10⁴", fontsize=9)
        ax.grid(alpha=0.25)
    shown = [name for name in PEERS if name in lines]
    figure.legend([lines[name] for name in shown], shown, loc="outside right upper", fontsize=8, frameon=False)
    figure.set_layout_engine("constrained")
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    pyplot.close(figure)
    Image.open(drawn).convert("RGB").quantize(64).save(path, optimize=True)  # a third of the bytes


def styles_of(names: Sequence[str]) -> dict[str, tuple[str, object]]:
    """Colour by library, dashes by search."""
    seen: dict[str, int] = {}
    styles = {}
    for name in names:
        module = PEERS[name].module
        place = seen[module] = seen.get(module, -1) + 1
        styles[name] = STYLES[module], DASHES[place % len(DASHES)]
    return styles


def mean_line(rows: pd.DataFrame, column: str, begin: float) -> tuple[np.ndarray, np.ndarray]:
    """From `begin` on: where a search's mean regret over seeds is known, and what it is there [places]."""
    first = rows.groupby("seed")[column].min().max()
    places = np.geomspace(max(first, begin), rows[column].max(), POINTS)
    lines = []
    for _, of_seed in rows.sort_values("epochs_spent").groupby("seed"):
        at = np.searchsorted(of_seed[column].to_numpy(), places, side="right") - 1
        lines.append(of_seed["regret"].to_numpy()[np.maximum(at, 0)])
    return places, np.mean(lines, axis=0)
