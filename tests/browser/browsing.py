"""A headless Chromium and a served MLflow UI, for the tests and for the pictures."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

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
def mlflow_ui(results: Path, *words: str, environment: Mapping[str, str] = os.environ) -> Iterator[dict[str, str]]:
    """`afcl ui` over a results folder; the links that it prints: page, and table, … of the first search."""
    command = [str(Path(sys.executable).with_name("afcl")), "ui", *words, "--results", str(results)]
    variables = {key: value for key, value in environment.items() if not key.startswith(("AFCL_", "MLFLOW_"))}
    command += ["--port", str(_free_port()), "--page-port", str(_free_port())]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables)
    try:
        assert server.stdout is not None
        links: dict[str, str] = {}
        for line in server.stdout:
            name, _, link = line.strip().partition(" ")
            if link.strip().startswith("http"):
                links.setdefault(name, link.strip())
            if line.startswith("Ctrl-C"):
                break
        assert links, "`afcl ui` ended without printing a link"
        yield links
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert server.returncode == 0, f"`afcl ui` ended with {server.returncode} when told to end"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rows_of(page: Page) -> list[dict[str, str]]:
    """The cells of the runs' table as they are read, by the name of their column; the first row first."""
    page.locator(".ag-row[row-index='0'] [col-id='attributes.`Run Name`']").wait_for(timeout=PATIENCE)
    found = page.evaluate(
        """() => {
            const rows = {};
            for (const row of document.querySelectorAll(".ag-row[row-index]"))
                for (const cell of row.querySelectorAll("[col-id]"))
                    (rows[row.getAttribute("row-index")] ??= {})[cell.getAttribute("col-id")] = cell.innerText;
            return rows;
        }"""
    )
    named = [
        {_column(name): text.split("\n")[-1] for name, text in found[row].items()} for row in sorted(found, key=int)
    ]
    return [row for row in named if row.get("Run Name")]


def _column(name: str) -> str:
    return name.split("`")[1] if "`" in name else name


def headers_of(page: Page) -> list[str]:
    """The table's columns from left to right."""
    heads = page.locator(".ag-header-cell[col-id]").all()
    placed = sorted((head.bounding_box()["x"], head.get_attribute("col-id")) for head in heads if head.bounding_box())
    return [_column(name) for _, name in placed]
