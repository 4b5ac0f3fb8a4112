"""The page that a report is: sections in, one self-contained HTML file out. It knows nothing of searches.

The figures are drawn by plotly.js, which is inside the file, in the colours of the reader's scheme: every figure
leaves its template open, and the page sets `LIGHT` or `DARK` and sets it again when the scheme changes.
"""

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

HEIGHT = 420  # px of a figure, where it does not say another
SCALE = ((0.0, "#5778a4"), (0.5, "#c9a24b"), (1.0, "#d1615d"))  # of a score: low, middle, high


@dataclass(frozen=True)
class Figure:
    """One figure: `slug` is its id on the page and its name as a PNG; `caption` is plain text."""

    slug: str
    figure: go.Figure
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """One section of a page: HTML, then figures; two of them stand side by side where there is room."""

    title: str
    html: str = ""
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A table's cell: what is read, and the number that it is sorted by, where that is not the text itself."""

    text: str
    order: float | None = None
    mark: str = ""  # the colour of a dot before the text


def template(ink: str, paper: str, faint: str) -> dict[str, Any]:
    """What all figures of a colour scheme have in common."""
    dimmed = [(0, faint), (0.19, faint), *((0.2 + 0.8 * at, colour) for at, colour in SCALE)]
    axis = {"gridcolor": faint, "linecolor": faint, "zeroline": False, "automargin": True}
    return {
        "data": {
            "parcoords": [{"line": {"colorscale": dimmed}}],  # below a fifth: lines without a score
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
            "annotationdefaults": {"font": {"color": ink, "size": 11}},
            "hoverlabel": {"align": "left"},
            "colorway": ["#5778a4", "#e49444", "#6a9f58", "#d1615d", "#85b6b2", "#a87c9f", "#967662"],
        },
    }


LIGHT = template(ink="#24292f", paper="#ffffff", faint="#d9dde2")
DARK = template(ink="#d5d9de", paper="#15181c", faint="#343a41")


def page(title: str, sections: Iterable[Section]) -> str:
    """The whole file."""
    return _PAGE.format(
        title=html.escape(title),
        style=_STYLE,
        plotly=get_plotlyjs(),
        body="\n".join(map(_section, sections)),
        light=json.dumps(LIGHT),
        dark=json.dumps(DARK),
        script=_SCRIPT,
    )


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{html.escape(text)}</p>"


def bullets(lines: Iterable[str]) -> str:
    """Plain lines as a list."""
    return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>"


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell | str]], *, sorted_by: str | None = None) -> str:
    """A table that scrolls in a box of its own where it is wide.

    sorted_by: the column by which the rows stand ascending; a click on any header, or Enter on it, sorts anew.
    """
    if sorted_by is None:
        head = "".join(f"<th scope=col>{html.escape(name)}</th>" for name in columns)
    else:
        head = "".join(
            f'<th scope=col aria-sort="{"ascending" if name == sorted_by else "none"}">'
            f"<button type=button>{html.escape(name)}</button></th>"
            for name in columns
        )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<div class=wide tabindex=0><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(cell: Cell | str) -> str:
    if isinstance(cell, str):
        cell = Cell(cell)
    order = "" if cell.order is None else f' data-order="{cell.order!r}"'
    dot = f'<i class=dot style="background:{cell.mark}"></i>' if cell.mark else ""
    return f"<td{order}>{dot}{html.escape(cell.text)}</td>"


def _section(section: Section) -> str:
    figures = "".join(map(_figure, section.figures))
    grid = f'<div class="{"grid" if len(section.figures) > 1 else "one"}">{figures}</div>' if figures else ""
    heading = f"<h2>{html.escape(section.title)}</h2>" if section.title else ""
    return f"<section>{heading}{section.html}{grid}</section>"


def _figure(figure: Figure) -> str:
    height = figure.figure.layout.height or HEIGHT
    caption = f"<figcaption>{html.escape(figure.caption)}</figcaption>" if figure.caption else ""
    content = str(figure.figure.to_json())  # plotly escapes < in it: no text may end the script
    return (
        f'<figure id="{figure.slug}"><div class=plot style="height:{height}px"></div>'
        f"<script type=application/json>{content}</script>{caption}</figure>"
    )


_STYLE = """
:root { color-scheme: light dark; --ink: #24292f; --paper: #ffffff; --faint: #d9dde2; --shade: #f3f5f7 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #d5d9de; --paper: #15181c; --faint: #343a41; --shade: #20252b } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--paper); overflow-wrap: break-word }
h2 { margin: 2.5rem 0 .5rem }
.answer { font-size: 1.15rem; border-left: 4px solid #d1615d; padding-left: 1rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; border-bottom: 1px solid var(--faint); white-space: nowrap }
th button { font: inherit; color: inherit; background: none; border: 0; padding: .4rem 0; cursor: pointer }
th[aria-sort] button::after { content: " \\2195" / ""; opacity: .4 }
th[aria-sort=ascending] button::after { content: " \\2191" / ""; opacity: 1 }
th[aria-sort=descending] button::after { content: " \\2193" / ""; opacity: 1 }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em }
pre { overflow-x: auto; padding: .75rem; background: var(--shade) }
figure { margin: 1rem 0; min-width: 0 }
figcaption { font-size: .9rem; opacity: .85 }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(330px, 100%), 1fr)); gap: 0 1rem }
"""

_SCRIPT = """
const scheme = matchMedia("(prefers-color-scheme: dark)"), canHover = matchMedia("(hover: hover)").matches;
const config = { responsive: true, displaylogo: false, displayModeBar: canHover ? "hover" : false };
const figures = [...document.querySelectorAll("figure")].map(figure => ({
  place: figure.querySelector(".plot"), content: JSON.parse(figure.querySelector("script").textContent) }));
const turn = () => new Promise(done => setTimeout(done));  // the page stays usable while it draws
let drawing = 0;
async function draw() {
  const mine = ++drawing, template = scheme.matches ? DARK : LIGHT;
  for (const { place, content } of figures) {
    const layout = { ...content.layout, template };
    if (!canHover) layout.dragmode = false;  // a finger scrolls the page
    await Plotly.react(place, content.data, layout, config);
    await turn();
    if (mine !== drawing) return;
  }
  document.body.dataset.drawn = scheme.matches ? "dark" : "light";
}
scheme.addEventListener("change", draw);
draw();

for (const head of document.querySelectorAll("th[aria-sort]"))
  head.querySelector("button").addEventListener("click", () => {
    const body = head.closest("table").tBodies[0], column = head.cellIndex;
    const falling = head.getAttribute("aria-sort") === "ascending";
    const value = row => row.cells[column].dataset.order ?? row.cells[column].textContent;
    const compare = (a, b) => value(a).localeCompare(value(b));
    const numeric = (a, b) => value(a) - value(b);
    const rows = [...body.rows], order = rows.some(row => isNaN(value(row))) ? compare : numeric;
    rows.sort((a, b) => falling ? order(b, a) : order(a, b));
    for (const other of head.parentNode.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    body.append(...rows);
  });
"""

_PAGE = """<!doctype html>
<html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width, initial-scale=1">
<title>{title}</title><link rel=icon href="data:,">
<style>{style}</style></head><body>
<h1>{title}</h1>
{body}
<script>{plotly}</script>
<script>const LIGHT = {light}, DARK = {dark};
{script}</script></body></html>
"""
