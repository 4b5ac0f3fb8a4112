"""The README's pictures, of a finished search: report.png, runs.png, compare.png.

    python tests/browser/screenshots.py RESULTS NAME FOLDER

RESULTS is the results folder and NAME the search in it. MLflow's pages are clicked as a person would, so a later
MLflow may need other clicks here.
"""

import argparse
import re
from pathlib import Path

from browsing import PATIENCE, child_runs, chromium, mlflow_ui, open_comparison, open_runs
from playwright.sync_api import Browser, Page

from search.reporting.report import report
from search.storage.results_folder import open_folder
from search.storage.search_folder import SearchFolder

LARGEST = 250_000  # bytes of a picture in a README
METRIC = "val_balanced_accuracy"
COLUMNS = (METRIC, "score", "loss.eta", "loss.gamma", "loss.temperature", "family", "state")
UNWANTED = ("Dataset", "Source", "Models")


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures of a finished search.")
    parser.add_argument("results", type=Path)
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    searched = open_folder(given.results.absolute(), given.name)
    given.folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, mlflow_ui(searched.path.parent) as link:
        picture_report(browser, searched, given.folder / "report.png")
        picture_runs(browser, searched, link, given.folder / "runs.png")
        picture_comparison(browser, searched, link, given.folder / "compare.png")


def picture_report(browser: Browser, searched: SearchFolder, path: Path) -> None:
    """The top of the report."""
    page = browser.new_page(viewport={"width": 1100, "height": 1000}, color_scheme="light")
    page.goto(report(searched.name, results=searched.path.parent).page.as_uri())
    page.locator("body[data-drawn]").wait_for()
    _take(page, path)


def picture_runs(browser: Browser, searched: SearchFolder, link: str, path: Path) -> None:
    """The search's runs in the order in which they were asked for, with what was searched."""
    page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="light")
    # in MLflow only an order by time keeps children under their parent
    open_runs(page, f"{link}&orderByKey=attributes.start_time&orderByAsc=true", searched.name)
    page.get_by_role("button", name="Toggle sidebar").click()
    page.get_by_role("button", name="Columns", exact=True).click()
    for column in (*UNWANTED, *COLUMNS):
        node = page.locator(".du-bois-light-tree-treenode").filter(has_text=re.compile(f"^{re.escape(column)}$"))
        node.locator(".du-bois-light-tree-checkbox").click()
    page.keyboard.press("Escape")
    page.get_by_text("Search columns").wait_for(state="detached")
    page.wait_for_timeout(1500)  # the table fits its columns anew, with an animation
    _take(page, path)


def picture_comparison(browser: Browser, searched: SearchFolder, link: str, path: Path) -> None:
    """η, γ and τ of all finished and stopped trials against the metric at their last epoch."""
    page = browser.new_page(viewport={"width": 1400, "height": 620}, color_scheme="light")
    runs = child_runs(searched.delivered)
    ended = searched.history().in_state("finished", "stopped")
    open_comparison(page, link, [runs[trial.number] for trial in ended])
    page.get_by_role("button", name="Toggle sidebar").click()
    metrics = page.get_by_role("combobox").nth(1)
    metrics.press("Backspace")  # takes away MLflow's first choice, the training loss
    metrics.fill(METRIC)
    page.locator(".ant-select-item-option, .du-bois-light-select-item-option").filter(has_text=METRIC).first.click()
    page.keyboard.press("Escape")
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
