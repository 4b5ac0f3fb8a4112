"""A headless Chromium and a served MLflow UI, for the tests and for the pictures."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
# no sandbox: root has none in a container; the others keep the browser from calling home
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 30_000  # ms that MLflow's pages may take; on two busy cores they need seconds


def driver_starts() -> bool:
    """Whether the program that drives the browser runs here; it needs a library that a bare machine lacks."""
    asked = [str(Path(sys.executable).with_name("playwright")), "--version"]
    return subprocess.run(asked, capture_output=True).returncode == 0


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def mlflow_ui(results: Path) -> Iterator[str]:
    """`afcl ui` over a results folder; the link that it prints. Ended by its pid."""
    command = [
        str(Path(sys.executable).with_name("afcl")),
        "ui",
        "--results",
        str(results),
        "--port",
        str(_free_port()),
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AFCL_", "MLFLOW_"))}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        links = (line.split(": ", 1)[1].strip() for line in server.stdout if ": http://" in line)
        link = next(links, None)
        assert link is not None, "`afcl ui` ended without printing a link"
        yield link
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert server.returncode == 0, f"`afcl ui` ended with {server.returncode} when told to end"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_runs(page: Page, link: str, search: str) -> None:
    """Open the runs page and unfold the search's parent run."""
    page.goto(link)
    page.get_by_role("link", name=search, exact=True).wait_for(timeout=PATIENCE)
    close_assistant(page)
    row = page.locator(".ag-row", has=page.get_by_role("link", name=search, exact=True)).first
    row.locator("button").first.click()
    page.get_by_role("link", name="000 CL baseline").wait_for(timeout=PATIENCE)


def open_comparison(page: Page, link: str, runs: Iterable[str]) -> None:
    """Open the compare page of some runs of the experiment that `link` shows."""
    address = urlsplit(link)
    experiment = address.fragment.split("/")[2]
    chosen = f"runs={quote(json.dumps(list(runs)))}&experiments={quote(json.dumps([experiment]))}"
    page.goto(f"{address.scheme}://{address.netloc}/#/compare-runs?{chosen}&workflowType=machine_learning")
    page.locator(".parcoords").first.wait_for(timeout=PATIENCE)
    close_assistant(page)


def close_assistant(page: Page) -> None:
    """MLflow opens a chat panel on a first visit; some builds do not."""
    panel = page.locator("[data-component-id='mlflow.assistant.chat_panel.close']")
    if panel.count():
        panel.click()
        panel.wait_for(state="detached")


def child_runs(delivered: Path) -> dict[int, str]:
    """MLflow's run ids by trial number, as the search's folder remembers them."""
    return {int(number): run for number, run in json.loads(delivered.read_text())["runs"].items()}
