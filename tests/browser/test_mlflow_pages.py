"""What a person sees of MLflow at first open: a fresh profile, the links that `afcl ui` printed, no click.

It fails where a version of MLflow loses the view; everything still opens then, with MLflow's own columns.
"""

import pytest
from browsing import CHROMIUM, PATIENCE, headers_of, mlflow_ui, rows_of
from playing import begin, deliver, tell
from plugin import registered

from search.tracking.run_format import shown_parameter, shown_score
from spaces.fields import by_path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium"),
]
PATHS = ["loss.eta", "loss.gamma", "loss.temperature", "representation.lr"]


@pytest.fixture(scope="module")
def links(played, tmp_path_factory):
    with mlflow_ui(played.root, environment=registered(tmp_path_factory.mktemp("plugin"))) as links:
        yield links


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1500, "height": 950})
    yield context.new_page()
    context.close()


def read_off(page, link: str) -> list[dict[str, str]]:
    """What the table says at first open, without the time and the duration."""
    page.goto(link)
    kept = ("Run Name", "family", "state", "score", *PATHS)
    return [{name: row.get(name, "") for name in kept} for row in rows_of(page)]


def expected(trial) -> dict[str, str]:
    values = by_path(trial.config)
    return {
        "Run Name": f"{trial.number:03d} {trial.kind}",
        "family": trial.family,
        "state": trial.state,
        "score": "-" if trial.score is None else str(shown_score(trial.score)),
        **{path: str(shown_parameter(values[path])) for path in PATHS},
    }


def best_first(history) -> list:
    return sorted(history.in_state("finished"), key=lambda trial: -shown_score(trial.score))


def test_the_bare_page_opens_on_the_trials_best_first_with_loss_state_score_and_values(page, links, played):
    rows = read_off(page, links["table"])
    best = best_first(played.history())
    assert rows[: len(best)] == [expected(trial) for trial in best]
    assert len(rows) == len(played.history().trials), "flat, and the search itself is no row"
    others = {row["Run Name"]: row for row in rows[len(best) :]}
    for trial in played.history().in_state("stopped", "failed"):
        assert others[f"{trial.number:03d} {trial.kind}"] == expected(trial)
    headers = [name for name in headers_of(page) if name != "runDateAndNestInfo"]  # when it began, which MLflow places
    assert headers[1:9] == ["Run Name", "family", "state", "score", *PATHS]
    right = page.locator(".ag-header-cell[col-id='params.`representation.lr`']").bounding_box()
    assert right["x"] + right["width"] <= 1500, "read without scrolling"
    assert page.get_by_role("link", name="Models", exact=True).count(), "the training side lists models, not prompts"


def test_what_the_user_makes_of_the_columns_stays(page, links):
    page.goto(links["table"])
    rows_of(page)
    key = page.evaluate(
        "Object.keys(localStorage).find(key => key.startsWith('MLflowLocalStorage-1.1-ExperimentPage'))"
    )
    page.evaluate(
        """key => {
            const state = JSON.parse(localStorage.getItem(key));
            state.selectedColumns = ["tags.`family`"];
            localStorage.setItem(key, JSON.stringify(state));
        }""",
        key,
    )
    page.goto("about:blank")
    page.goto(links["table"])
    rows_of(page)
    assert "score" not in headers_of(page)


def test_a_search_that_runs_is_read_as_it_goes_and_a_newer_one_is_opened_on(page, tmp_path):
    folder, conductor = begin(tmp_path, "Running.1")
    tell(conductor, trials=2)
    deliver(folder)
    with mlflow_ui(tmp_path, environment=registered(tmp_path)) as links:
        assert read_off(page, links["table"]) == [expected(trial) for trial in best_first(folder.history())]
        tell(conductor, trials=3)
        deliver(folder)
        page.goto("about:blank")
        rows = read_off(page, links["table"])
        assert len(rows) == 5
        assert rows[0] == expected(best_first(folder.history())[0])
        newer, its_conductor = begin(tmp_path, "Running.2")
        tell(its_conductor, trials=1)
        deliver(newer)
        page.goto("about:blank")
        assert read_off(page, links["table"]) == [expected(trial) for trial in best_first(newer.history())]
    with mlflow_ui(tmp_path, "Running.1", environment=registered(tmp_path)) as links:
        assert len(read_off(page, links["table"])) == 5, "the search that was asked for"
    for one in (conductor, its_conductor):
        one.close("interrupted")


def test_the_charts_are_bars_of_the_score_curves_and_parallel_coordinates(page, links, played):
    page.goto(links["charts"])
    finished = played.history().in_state("finished")
    page.locator(".barlayer .point, .trace.bars .point").nth(len(finished) - 1).wait_for(timeout=PATIENCE)
    assert page.locator(".trace.bars .point").count() == len(finished)
    assert page.get_by_text("Parallel Coordinates").count()
    page.locator(".parcoords svg text", has_text="loss.eta").first.wait_for(timeout=PATIENCE)
    curves = [trial for trial in played.history().trials.values() if trial.epochs]
    assert page.locator(".scatterlayer .trace").count() >= len(curves)


def test_the_comparison_is_of_finished_trials_over_the_losss_values(page, links, played):
    page.goto(links["compare"])
    page.locator(".parcoords .axis-title").first.wait_for(timeout=PATIENCE)
    finished = played.history().in_state("finished")
    assert page.get_by_text(f"Comparing {len(finished)} Runs from 1 Experiment").count()
    titles = set(page.locator(".parcoords .axis-title").all_text_contents())  # in svg there is no inner text
    assert {"loss.eta", "loss.gamma", "loss.temperature", "val_balanced_accuracy"} <= titles


def test_a_server_without_our_page_opens_on_the_same_cells_as_a_shared_view(page, links, played, tmp_path):
    with mlflow_ui(played.root, environment=registered(tmp_path, None)) as others:
        assert "viewStateShareKey" in others["table"]
        shared = read_off(page, others["table"])
        best = best_first(played.history())
        assert shared[: len(best)] == [expected(trial) for trial in best]
