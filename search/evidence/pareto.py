"""Which of several points no other point beats in both of two measures."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the points on the front, by falling first measure; larger is better in both.

    A point is on it if no other is at least as good in both measures and better in one. Equal points are all on it.
    """
    order = sorted(range(len(points)), key=lambda place: (-points[place][0], -points[place][1]))
    front: list[int] = []
    for place in order:
        if not front or points[place][1] > points[front[-1]][1] or points[place] == points[front[-1]]:
            front.append(place)
    return front
