"""The README's pictures, of a finished search: report.png, page.png, runs.png, compare.png.

    python tests/browser/screenshots.py RESULTS NAME FOLDER

RESULTS is the results folder and NAME the search in it. The live page and MLflow's pages are as the links of `afcl ui`
open them.
"""

import argparse
from pathlib import Path

from browsing import PATIENCE, chromium, mlflow_ui, rows_of
from playwright.sync_api import Browser, Page

from search.reporting.report import report
from search.storage.results_folder import open_folder
from search.storage.search_folder import SearchFolder

LARGEST = 250_000  # bytes of a picture in a README
METRIC = "val_balanced_accuracy"


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures of a finished search.")
    parser.add_argument("results", type=Path)
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    searched = open_folder(given.results.absolute(), given.name)
    given.folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, mlflow_ui(searched.root, searched.name) as links:
        picture_report(browser, searched, given.folder / "report.png")
        picture_page(browser, links["page"], given.folder / "page.png")
        picture_runs(browser, links["table"], given.folder / "runs.png")
        picture_comparison(browser, links["compare"], given.folder / "compare.png")


def picture_report(browser: Browser, searched: SearchFolder, path: Path) -> None:
    """The top of the report."""
    page = browser.new_page(viewport={"width": 1100, "height": 1000}, color_scheme="light")
    page.goto(report(searched.name, results=searched.path.parent).page.as_uri())
    page.locator("body[data-drawn]").wait_for()
    _take(page, path)


def picture_page(browser: Browser, link: str, path: Path) -> None:
    """The search on the live page: how it stands, and the top of its report."""
    page = browser.new_page(viewport={"width": 1100, "height": 1000}, color_scheme="light")
    page.goto(link)
    page.locator("#report iframe:not(.next)").wait_for(timeout=PATIENCE)
    page.frame_locator("#report iframe:not(.next)").locator("body[data-drawn]").wait_for(timeout=PATIENCE)
    _take(page, path)


def picture_runs(browser: Browser, link: str, path: Path) -> None:
    """The search's trials as `afcl ui` opens on them, the best first."""
    page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="light")
    page.goto(link)
    rows_of(page)
    page.wait_for_timeout(1500)  # the table fits its columns, with an animation
    _take(page, path)


def picture_comparison(browser: Browser, link: str, path: Path) -> None:
    """η, γ and τ of the finished trials against the metric at their last epoch."""
    page = browser.new_page(viewport={"width": 1400, "height": 620}, color_scheme="light")
    page.goto(link)
    page.locator(".parcoords .axis-title").filter(has_text=METRIC).wait_for(timeout=PATIENCE)
    page.wait_for_timeout(1500)  # the lines are drawn a while after the axes
    _take(page, path)


def _take(page: Page, path: Path) -> None:
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")  # no frame about what was clicked last
    page.screenshot(path=path)
    page.close()
    size = path.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{path} has {size} bytes, more than a README should carry")
    print(f"{path}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
