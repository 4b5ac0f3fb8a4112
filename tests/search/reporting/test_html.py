"""What the page's parts are made of: what they are given is text, whoever wrote it, unless a template made it."""

import re
from html import unescape

import plotly.graph_objects as go
import pytest

from search.reporting import html
from search.reporting.html import Cell, Figure, Section, bullets, colour_key, page, paragraph, table

WORDS = ["<script>alert(1)</script>", "a & b", "&lt;b&gt;", '" onclick="alert(1)', "it's", "{{ 7 * 7 }}"]


@pytest.fixture(autouse=True)
def _without_plotly(monkeypatch):
    """Megabytes that hold elements of their own."""
    monkeypatch.setattr(html, "packed_plotly", lambda: "")


def body(sections: list[Section]) -> str:
    """A page without plotly.js and our own script."""
    return page("title", sections).split("<main>")[1].split("</main>")[0]


def text(markup: str) -> str:
    """What a person reads."""
    return unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "made",
    [
        paragraph,
        lambda word: bullets(iter([word])),
        lambda word: table([word], []),
        lambda word: table([word], [], sorted_by=word),
        lambda word: table([], iter([[word]])),
        lambda word: table([], [[Cell(word, 1.5, "#5778a4")]]),
        lambda word: body([Section(word)]).split("</h1>")[1].strip(),
        lambda word: body([Section("", word)]).split("</h1>")[1].strip(),  # which no template has made
    ],
    ids=["paragraph", "bullets", "header", "header to click", "cell", "cell with a dot", "heading", "unmade HTML"],
)
def test_what_a_part_is_given_is_read_as_it_is(made, word):
    assert text(made(word)) == word
    assert re.sub(r">[^<]*<", "><", made(word)) == re.sub(r">[^<]*<", "><", made("word"))


@pytest.mark.parametrize("word", WORDS)
def test_the_title_and_a_caption_are_read_as_they_are(word):
    whole = page(word, [Section("", figures=(Figure("slug", go.Figure(), word),))])
    for element in ("title", "h1", "figcaption"):
        (found,) = re.findall(rf"<{element}>(.*?)</{element}>", whole)
        assert unescape(found) == word
        assert "<" not in found


@pytest.mark.parametrize("word", WORDS)
def test_an_attribute_holds_what_it_is_given(word):
    cell = str(table([], [[Cell("", 0.1, word)]]))
    (style,) = re.findall(r'<i class=dot style="background:([^"]*)"></i>', cell)
    assert unescape(style) == word
    (slug,) = re.findall(r'<figure id="([^"]*)"><div', body([Section("", figures=(Figure(word, go.Figure()),))]))
    assert unescape(slug) == word


def test_parts_that_templates_made_can_be_put_together():
    both = paragraph("a & b") + bullets(["<c>"])
    assert str(both) == "<p>a &amp; b</p><ul><li>&lt;c&gt;</li></ul>"
    assert str(both + "<d>") == f"{both}&lt;d&gt;", "and what none has made is text beside them"
    assert str(both) in body([Section("", both)])


def test_figures_stand_in_a_grid_only_where_there_are_several():
    one = Figure("one", go.Figure())
    assert '<div class="one"><figure id="one">' in body([Section("", figures=(one,))])
    assert '<div class="grid"><figure id="one">' in body([Section("", figures=(one, one))])
    assert "figure" not in body([Section("Title")])
    tall = go.Figure(layout={"height": 777})
    assert "height:777px" in body([Section("", figures=(Figure("tall", tall),))])


def test_a_cell_is_sorted_by_its_number_to_the_last_digit():
    row = [Cell("0.1", 0.1 + 0.2), Cell("7", 7), Cell("zero", 0.0), "none"]
    orders = re.findall(r"<td([^>]*)>", table([], [row]))
    assert orders == [' data-order="0.30000000000000004"', ' data-order="7"', ' data-order="0.0"', ""]


def test_a_key_to_one_value_has_no_strip_of_colours():
    assert "linear-gradient" in colour_key("0.1", "0.2", "score")
    same = colour_key("0.1", "0.1", "score")
    assert "linear-gradient" not in same
    assert same.count("0.1") == 1
