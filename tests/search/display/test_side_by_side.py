"""`afcl compare` in a terminal."""

import json

from consoles import paper
from words import done

from search.display.side_by_side import comparison
from search.evidence.side_by_side import side_by_side
from search.storage.search_folder import SearchFolder


def test_the_best_of_each_stands_in_a_row_and_what_can_be_said_below(told):
    console = paper(80)
    for part in comparison(side_by_side([SearchFolder(told / "told"), SearchFolder(told / "begun")])):
        console.print(part, soft_wrap=isinstance(part, str))
    printed = console.file.getvalue()
    best = SearchFolder(told / "told").history().ranked()[0]
    assert f"told   {best.score:.4f} ± 0.0" in printed
    heads = next(line for line in printed.splitlines() if line.startswith("best so far"))
    assert heads.endswith("begun")
    curve = next(line for line in printed.partition("trial by trial")[2].splitlines() if line.startswith("told"))
    assert curve.split()[-1][-1] == "█", "the best of both is the highest block"
    assert "share no two fresh seeds" in printed


def test_the_word_compares_by_name(typed, told):
    assert "best so far" in done(typed("compare", "told", "begun", results=told))
    found = json.loads(done(typed("compare", "told", "begun", "--json", results=told)))
    assert [one["name"] for one in found["searches"]] == ["told", "begun"]
    alone = typed("compare", "told", results=told)
    assert (alone.returncode, alone.stderr) == (2, "afcl: compare: name two searches or more\n")
