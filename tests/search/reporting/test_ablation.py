"""The path from CL to the winner on the page."""

from dataclasses import replace

from pages import confirm, drawn

from search.evidence.ablation import Ablation, Switch
from search.evidence.ablation_path import path_of
from search.evidence.evidence import _FILE, read_evidence
from search.reporting.ablation import ablation
from search.reporting.context import read_view

PLAN = Ablation("CL", "AFCL", 0, (Switch("+ η = 2", {}), Switch("+ γ = 1", {})))
SCORES = {"CL": {1: 0.5, 2: 0.6, 3: 0.55}, "+ η = 2": {1: 0.6, 2: 0.7, 3: 0.66}, "AFCL": {1: 0.9, 2: 0.8, 3: 0.85}}


def test_the_path_is_a_line_a_seed_with_its_mean_and_a_row_a_step(played):
    confirm(played, caveats=())
    assert ablation(read_view(played)) is None, "an older confirmation has no path"
    evidence = replace(read_evidence(played), ablation=path_of(PLAN, SCORES))
    (played.path / "confirm-1" / "verdict.json").write_bytes(_FILE.dump_json(evidence))
    section = ablation(read_view(played))
    assert section.title == "From CL to another contrastive loss, one value at a time"
    assert "<td>+ γ = 1 (AFCL)</td><td>3</td><td>0.8500</td><td>+0.1967</td>" in section.html
    *seeds, mean = drawn(section)["ablation"].data
    assert list(seeds[0].y) == [0.5, 0.6, 0.9]
    assert list(mean.x) == ["CL", "+ η = 2", "+ γ = 1 (AFCL)"]
    assert all(reach > 0 for reach in mean.error_y.array)
    assert "one of 3 seeds" in section.figures[0].caption
