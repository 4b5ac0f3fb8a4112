"""A report's figures as PNG files, drawn by kaleido with the Chrome or Chromium of this machine."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import plotly.graph_objects as go

from search.reporting.html import LIGHT, Figure
from trainers.errors import EnvironmentProblem

WIDTH, SCALE = 900, 2  # a figure's width in px, and how many pixels of the picture each px has
PATIENCE = 120  # the most seconds for one picture; on two busy cores the first takes several


def write_pictures(figures: Iterable[Figure], folder: Path) -> list[Path]:
    """Write each figure as FOLDER/slug.png, on a light background. Pictures of earlier figures are deleted.

    Raises EnvironmentProblem if no browser is found, or it draws nothing.
    """
    import kaleido  # takes half a second to import; only --png needs it

    check_browser()
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        orders = [
            {"fig": _on_paper(figure), "path": f"{partial}/{figure.slug}.png", "opts": _size(figure)}
            for figure in figures
        ]
        try:
            # without mathjax, which would be loaded from the network
            kaleido.write_fig_from_object_sync(
                orders, cancel_on_error=True, kopts={"timeout": PATIENCE, "mathjax": False}
            )
        except Exception as error:  # kaleido, choreographer and asyncio raise a dozen kinds of errors
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise EnvironmentProblem(f"--png: the browser drew nothing ({lines[0][:200]})") from None
        for old in folder.glob("*.png"):
            old.unlink()
        return [drawn.rename(folder / drawn.name) for drawn in sorted(Path(partial).iterdir())]


def check_browser() -> None:
    """Raise EnvironmentProblem if kaleido would find no Chrome. The message says how to install one."""
    from choreographer.browsers.chromium import Chromium

    found = Chromium.find_browser(skip_local=False)  # BROWSER_PATH first
    if found is None or not Path(found).exists():
        raise EnvironmentProblem(
            f"--png: {found or 'Chrome or Chromium'} is not on this machine; install one with `plotly_get_chrome` "
            "(on Debian `apt-get install chromium`), or name yours in BROWSER_PATH"
        )


def _on_paper(figure: Figure) -> go.Figure:
    return go.Figure(figure.figure).update_layout(template=LIGHT)


def _size(figure: Figure) -> dict[str, object]:
    return {"format": "png", "width": WIDTH, "height": figure.height, "scale": SCALE}
