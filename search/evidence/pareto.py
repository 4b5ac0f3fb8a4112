"""The Pareto front of points with two measures."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The positions in `points` of the points on the front, by falling first measure. More is better in both measures.

    A point is on the front if no other point is at least as good in both measures and better in one. Equal points are
    either all on the front or none of them is.
    """
    order = sorted(range(len(points)), key=lambda place: (-points[place][0], -points[place][1]))
    front: list[int] = []
    for place in order:
        if not front or points[place][1] > points[front[-1]][1] or points[place] == points[front[-1]]:
            front.append(place)
    return front
