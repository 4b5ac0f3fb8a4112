"""The page over a results folder, without a server: every request is answered in this process."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from search.live_page import searches
from search.live_page.app import make_app
from search.live_page.logs import Logs
from search.live_page.mlflow_runs import MlflowRuns
from search.live_page.reports import Reports
from search.live_page.searches import Searches


@dataclass
class Page:
    """What a reader gets, and the threads' work, which a test sets off itself."""

    root: Path
    runs: MlflowRuns = field(default_factory=MlflowRuns)
    reports: Reports = field(default_factory=Reports)

    def __post_init__(self):
        self.searches = Searches(self.root, self.runs)
        app = make_app(self.searches, self.reports, Logs())
        self.client = TestClient(app, base_url="http://127.0.0.1:5001")

    def get(self, path, **headers):
        """Look at the searches, then answer a request."""
        self.searches.look()
        return self.client.get(path, headers=headers)


@pytest.fixture(autouse=True)
def _looks_at_once(monkeypatch):
    """A test does not wait until a search may be looked at again."""
    monkeypatch.setattr(searches, "REST", 0.0)


@pytest.fixture
def page_over() -> type[Page]:
    """Makes the page over a results folder."""
    return Page


@pytest.fixture
def page(told) -> Page:
    """Over the searches "told" and "begun", which are the test's own to spoil."""
    return Page(told)


@pytest.fixture(scope="module")
def shown(told_once) -> Page:
    """Over the same searches, to look at only."""
    return Page(told_once)
