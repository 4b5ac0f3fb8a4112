"""How long something takes, for people; and what is left of it, without jumps."""

import math

LEAST_PATIENCE, PART = 10.0, 0.1  # seconds, and share of what is left, in which a new estimate is taken over


def in_words(seconds: float) -> str:
    """A duration: 45 s, 12 min, 2.3 h, 4.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 36 else f"{hours / 24:.1f} days"


class Countdown:
    """What is left: it falls with the clock, and a new estimate draws it near, the slower the more is left."""

    def __init__(self) -> None:
        self._left: float | None = None
        self._at = 0.0

    def left(self, estimate: float, now: float) -> float:
        """Seconds to show.

        Args:
            estimate: seconds, as it is reckoned now.
            now: the clock, in seconds.
        """
        if self._left is None:
            self._left, self._at = estimate, now
        passed = now - self._at
        fallen = max(self._left - passed, 0.0)
        weight = 1 - math.exp(-passed / max(LEAST_PATIENCE, PART * fallen))
        self._left, self._at = fallen + weight * (estimate - fallen), now
        return self._left
