"""Confusion matrices, in counts and in per cent."""

from dataclasses import replace

from pages import confirm, drawn

from search.evidence.evidence import _FILE, read_evidence
from search.evidence.measured import Measured
from search.reporting.confusions import LEAST_HEIGHT, MOST_WORDS, confused_on_test, matrix
from search.reporting.context import read_view


def test_a_matrix_has_counts_or_the_shares_of_the_true_class():
    counts = [[30, 10], [0, 0]]
    (plain,) = matrix("title", counts, ["a", "b"]).data
    assert [list(row) for row in plain.text] == counts
    (shares,) = matrix("title", counts, ["a", "b"], per_cent=True).data
    assert [list(row) for row in shares.text] == [["75.0%", "25.0%"], ["0.0%", "0.0%"]]
    many = MOST_WORDS + 1
    (crowded,) = matrix("title", [[1] * many] * many, [str(n) for n in range(many)]).data
    assert not crowded.texttemplate


def test_confirmed_losses_have_a_matrix_each_and_unmeasured_ones_no_section(played):
    confirm(played, caveats=())
    assert confused_on_test(read_view(played)) is None, "an older version measured no classes"
    told = Measured({}, {}, ("3", "8"), 3, [[30, 0], [15, 15]])
    evidence = replace(read_evidence(played), measured={"AFCL": told, "CL": told})
    (played.path / "confirm-1" / "verdict.json").write_bytes(_FILE.dump_json(evidence))
    figures = drawn(confused_on_test(read_view(played)))
    assert list(figures) == ["test-confusion-cl", "test-confusion-afcl"]
    assert list(figures["test-confusion-cl"].data[0].text[1]) == ["50.0%", "50.0%"]
    assert figures["test-confusion-cl"].layout.title.text == "CL, 3 seeds"


def test_the_text_of_every_cell_is_legible():
    def luminance(colour: str) -> float:  # WCAG 2.2, relative luminance
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    (drawn_matrix,) = matrix("title", [[30, 10], [5, 5]], ["a", "b"]).data
    ink = luminance(drawn_matrix.textfont.color)
    assert all((luminance(shade) + 0.05) / (ink + 0.05) >= 4.5 for _, shade in drawn_matrix.colorscale)


def test_a_matrix_of_long_names_is_higher_so_that_its_cells_are_not_squeezed():
    short = matrix("title", [[1, 2], [3, 4]], ["T-shirt/top", "Shirt"])
    long = matrix("title", [[1, 2], [3, 4]], ["melanocytic naevus of the skin of the back", "melanoma"])
    assert short.layout.height == LEAST_HEIGHT < long.layout.height
