"""Curves drawn with block characters, each curve in one line of text, all on one scale: ▁▂▃▄▅▆▇█."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 40  # characters of the longest curve


def block_curves(curves: Sequence[Sequence[float | None]]) -> list[str]:
    """Draw curves on one scale.

    Args:
        curves: the values of each curve by step. None is drawn as a space.

    Returns:
        A line for each curve. The longest has at most `WIDTH` characters, and a shorter curve fewer in proportion. The
        lowest value of all curves is `▁`, the highest `█`.
    """
    values = [value for curve in curves for value in curve if value is not None]
    if not values:
        return ["" for _ in curves]
    low, high = min(values), max(values)
    longest = max(map(len, curves))
    columns = min(WIDTH, longest)
    last_steps = [-(-(column + 1) * longest // columns) - 1 for column in range(columns)]  # of each column, rounded up
    return ["".join(_block(curve[step], low, high) for step in last_steps if step < len(curve)) for curve in curves]


def _block(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    share = 1.0 if high == low else (value - low) / (high - low)
    return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]
