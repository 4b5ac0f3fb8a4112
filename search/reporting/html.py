"""Make one self-contained HTML page from sections. This module knows nothing of searches.

Templates escape the text that they are given, unless another template of ours made it. plotly.js and the figures are
packed inside the file. They are drawn in the reader's colour scheme: figures have no template of their own, and the
page applies `LIGHT` or `DARK`, again whenever the scheme changes.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from search.reporting.packing import LETTERS, pack, packed_plotly

NOTHING = Markup()
UNFOLDED = 10  # how many rows of a folding table are seen at first
HEIGHT = 420  # px, the default height of a figure


def templates_of(package: str) -> Environment:
    """The templates of a package. They escape every value, and raise if a value that they use was not given."""
    loader = PackageLoader(package)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


TEMPLATES = templates_of("search.reporting")
SCALE = ((0.0, "#5778a4"), (0.5, "#c9a24b"), (1.0, "#d1615d"))  # the colours of a low, a middle and a high score


@dataclass(frozen=True)
class Figure:
    """One figure: `slug` is its id on the page and its name as a file; `caption` is plain text."""

    slug: str
    figure: go.Figure
    caption: str = ""
    least_width: int = 0  # px; in a narrower window the figure scrolls in a box of its own

    @property
    def height(self) -> float:
        """The height of the figure in px."""
        return self.figure.layout.height or HEIGHT

    @property
    def json(self) -> str:
        """The figure as JSON for plotly.js."""
        return str(self.figure.to_json())


@dataclass(frozen=True)
class Section:
    """One section of a page: HTML, then figures, up to three side by side if there is room."""

    title: str
    html: Markup = NOTHING
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, and the number to sort by if that is not the text."""

    text: str
    order: float | None = None
    mark: str = ""  # the colour of a dot before the text


def template(ink: str, paper: str, faint: str) -> dict[str, Any]:
    """The plotly template of a colour scheme: the colours of text, background and grid lines, each as #rrggbb."""
    axis = {"gridcolor": faint, "linecolor": faint, "zeroline": False, "automargin": True}
    return {
        "data": {
            "bar": [{"error_x": {"color": ink}, "error_y": {"color": ink}}],
        },
        "layout": {
            "font": {"color": ink, "family": "system-ui, sans-serif", "size": 13},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 50, "r": 15, "t": 25, "b": 45},
            "legend": {
                "orientation": "h",
                "yref": "container",
                "y": 0,
                "yanchor": "bottom",
                "x": 0,
                "itemsizing": "constant",
            },
            "shapedefaults": {"line": {"color": ink, "width": 1}},
            "annotationdefaults": {"font": {"color": ink, "size": 11}, "bgcolor": _thin(paper)},
            "hoverlabel": {"align": "left"},
            "colorway": ["#5778a4", "#e49444", "#6a9f58", "#d1615d", "#85b6b2", "#a87c9f", "#967662"],
        },
    }


def _thin(paper: str) -> str:
    """The paper's colour, partly transparent, as the background of letters that stand over lines."""
    return f"rgba({', '.join(str(int(paper[at : at + 2], 16)) for at in (1, 3, 5))}, 0.75)"


LIGHT = template(ink="#24292f", paper="#ffffff", faint="#d9dde2")
DARK = template(ink="#d5d9de", paper="#15181c", faint="#343a41")


def page(title: str, sections: Iterable[Section]) -> str:
    """The whole HTML file as text."""
    parts = list(sections)
    figures = ",".join(f"{json.dumps(one.slug)}:{one.json}" for part in parts for one in part.figures)
    whole = TEMPLATES.get_template("page.html")
    packed = {"plotly": packed_plotly(), "figures": pack(f"{{{figures}}}")}
    return whole.render(
        title=title, sections=parts, packed=packed, letters=LETTERS, light=LIGHT, dark=DARK, unfolded=UNFOLDED
    )


def fill(file: str, macro: str, *values: object) -> Markup:
    """The HTML that a macro of a template file makes of `values`. Text is escaped, unless a template made it."""
    made = getattr(TEMPLATES.get_template(file).module, macro)(*values)
    assert isinstance(made, Markup), "autoescape is on"
    return made


def colour_axis(low: float, high: float) -> dict[str, Any]:
    """A plotly colour axis for scores from `low` to `high`. Its colour bar is hidden: a page has `colour_key`."""
    bar = {"thickness": 10, "title": {"text": "score"}, "tickformat": ".3f"}
    high = high if high > low else low + 1e-6  # for equal ends plotly would choose a range of its own
    return {"colorscale": SCALE, "cmin": low, "cmax": high, "showscale": False, "colorbar": bar}


def colour_key(low: str, high: str, what: str) -> Markup:
    """The key to the colours of the figures below it: a strip from `low` to `high`, and what the colours mean.

    If the two are the same, there is only one colour, and its value is all that is said.
    """
    if low == high:
        return paragraph(f"{low} {what}: the same for all.")
    return fill("parts.html", "colour_key", low, high, what, ", ".join(colour for _, colour in SCALE))


def paragraph(text: str) -> Markup:
    """Plain text as a paragraph."""
    return fill("parts.html", "paragraph", text)


def bullets(lines: Iterable[str]) -> Markup:
    """Plain lines as a list."""
    return fill("parts.html", "bullets", lines)


def picture(jpeg: bytes, said: str) -> Markup:
    """A JPEG with its description in plain text. A wide picture scrolls in a box of its own."""
    return fill("parts.html", "picture", b64encode(jpeg).decode(), said)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell | str]],
    *,
    sorted_by: str | None = None,
    folds: bool = False,
) -> Markup:
    """A table. A wide table scrolls in a box of its own.

    Args:
        columns: the names of the columns.
        rows: the rows, each with a cell for every column.
        sorted_by: the column by which the rows are sorted, ascending. A click on a header, or Enter on it, sorts again.
        folds: whether only the first `UNFOLDED` rows are seen at first, and a button shows the others.
    """
    cells = [[Cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    return fill("parts.html", "table", columns, cells, sorted_by, UNFOLDED if folds else None)
