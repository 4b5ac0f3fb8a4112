"""A report's figures as files, drawn by kaleido with the Chrome or Chromium of this machine.

png: as wide as the page, for the screen. svg and pdf: as wide as one or two columns of a paper, with text as text; in a
PDF its fonts are embedded.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias, get_args

import plotly.graph_objects as go

from search.reporting.html import LIGHT, Figure
from trainers.errors import EnvironmentProblem

Kind: TypeAlias = Literal["png", "svg", "pdf"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WIDTH, SCALE = 900, 2  # of a PNG: a figure's width in px, and how many pixels of the picture each px has
COLUMN, TWO_COLUMNS = 332, 682  # px of 1/96 inch: 88 and 180 mm
LETTERS, SMALL = 10.5, 9  # px: 8 and 7 points
FONT = "Arial, Helvetica, DejaVu Sans, sans-serif"  # papers have no system-ui
LEAST, SHRUNK = 230, 0.68  # in a column: the least height in px, and the height as a share of that on the page
PATIENCE = 120  # the most seconds for one picture; on two busy cores the first takes several


def write_pictures(figures: Iterable[Figure], folder: Path, kind: Kind = "png") -> list[Path]:
    """Write each figure as FOLDER/SLUG.KIND, on a light background. Older files of this kind in the folder are deleted.

    Returns the paths. Raises EnvironmentProblem if no browser is found, or if the browser fails to draw.
    """
    import kaleido  # imported only here: it takes half a second

    check_browser()
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        orders = [
            {
                "fig": on_paper(figure, kind),
                "path": f"{partial}/{figure.slug}.{kind}",
                "opts": size_of(figure, kind) | {"format": kind},
            }
            for figure in figures
        ]
        try:
            # without mathjax, which would be loaded from the network
            kaleido.write_fig_from_object_sync(
                orders, cancel_on_error=True, kopts={"timeout": PATIENCE, "mathjax": False}
            )
        except Exception as error:  # kaleido, choreographer and asyncio raise a dozen kinds of errors
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise EnvironmentProblem(f"--figures: the browser drew nothing ({lines[0][:200]})") from None
        for old in folder.glob(f"*.{kind}"):
            old.unlink()
        return [drawn.rename(folder / drawn.name) for drawn in sorted(Path(partial).iterdir())]


def check_browser() -> None:
    """Raise EnvironmentProblem if kaleido would find no Chrome. The message says how to install one."""
    from choreographer.browsers.chromium import Chromium

    found = Chromium.find_browser(skip_local=False)  # BROWSER_PATH first
    if found is None or not Path(found).exists():
        raise EnvironmentProblem(
            f"--figures: {found or 'Chrome or Chromium'} is not on this machine; install one with `plotly_get_chrome` "
            "(on Debian `apt-get install chromium`), or name yours in BROWSER_PATH"
        )


def on_paper(figure: Figure, kind: Kind) -> go.Figure:
    """A copy of a figure on a light background, with a colour bar if its colours are scores.

    In a PNG the letters are as on the page; in an svg or pdf they have a font and sizes that suit a paper.
    """
    made = go.Figure(figure.figure).update_layout(template=LIGHT)
    if made.layout.coloraxis.colorbar.title.text:
        made.update_layout(coloraxis={"showscale": True})
    if kind == "png":
        return made
    made.update_layout(height=None, font={"size": LETTERS, "family": FONT}, margin={"l": 40, "r": 8, "b": 35})
    made.update_layout(title={"font": {"size": LETTERS}}, legend={"font": {"size": SMALL}})
    made.update_annotations(font={"size": SMALL})
    made.update_coloraxes(colorbar={"tickfont": {"size": SMALL}, "title": {"font": {"size": LETTERS}}})
    axis: dict[str, Any] = {"title": {"font": {"size": LETTERS}}, "tickfont": {"size": SMALL}}
    return made.update_xaxes(axis).update_yaxes(axis)


def size_of(figure: Figure, kind: Kind) -> dict[str, float]:
    """A picture's width and height in px, and its scale. An svg or pdf is one column wide, or two for a wide figure."""
    if kind == "png":
        return {"width": WIDTH, "height": figure.height, "scale": SCALE}
    width = TWO_COLUMNS if figure.least_width > COLUMN else COLUMN
    return {"width": width, "height": max(LEAST, round(SHRUNK * figure.height)), "scale": 1}
