"""`afcl ui --address`: a laptop's page of the searches that run on a real cluster, which has their folders."""

import time

import pytest
from rays import running

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

# long enough to be looked at while it runs
SPEC = ["digits", "--name", "watched", "--set", "search.trials=3", "--set", "representation.epochs=100"]
PATIENCE = 400.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head, a node, and a laptop that reaches the head's dashboard."""
    with running(tmp_path_factory.mktemp("cluster"), nodes=1) as cluster:
        yield cluster


def until(ask, path, *wanted):
    """Ask for the path until the answer's text has all that is wanted. The page is redrawn by itself, so it comes."""
    deadline = time.monotonic() + PATIENCE
    while True:
        _, text = ask(path)
        if all(one in text for one in wanted):
            return text
        assert time.monotonic() < deadline, f"{path} lacks some of {wanted}: {text}"
        time.sleep(2)


def test_a_laptop_sees_the_clusters_search_run_with_its_trials_their_logs_and_its_report(cluster, tmp_path_factory):
    results = tmp_path_factory.mktemp("shared")
    submitted = cluster.afcl("submit", *SPEC, "--results", str(results))
    assert submitted.returncode == 0, submitted.stderr
    with cluster.live_page() as ask:
        pages = [until(ask, "/", '<a href="/searches/watched">watched</a>', "running")]
        pages.append(until(ask, "/searches/watched", ">running<", "/searches/watched/trial/0"))
        pages.append(until(ask, "/searches/watched/trial/0", "<li>trial 0, ", "epoch 1: "))
        pages.append(until(ask, "/searches/watched/report", "<h2>Learning curves</h2>"))
        status, table = ask("/searches/watched/leaderboard.csv")
        assert (status, table.startswith("rank,trial,")) == (200, True)
        assert ask("/searches/watched", host="evil.example")[0] == 403
        pages.append(until(ask, "/searches/watched", ">done<"))
        assert not [page for page in pages if cluster.token in page], "the page is for whoever looks over a shoulder"
        assert not [page for page in pages if " --results /" in page], "the copies' folder is nobody's business"
