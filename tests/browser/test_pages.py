"""What a person sees: the report as a file without a network, and MLflow's pages over the same search."""

import io
import re

import pytest
from browsing import CHROMIUM, PATIENCE, child_runs, chromium, mlflow_ui, open_comparison, open_runs
from PIL import Image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def link(played):
    with mlflow_ui(played.path.parent) as link:
        yield link


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1500, "height": 950})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module", params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(scope="module", params=[390, 1400], ids=["phone", "desk"])
def opened(request, browser, played, scheme):
    """The report in a browser, with everything that it asked for and complained of."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    requests, complaints = [], []
    page.on("request", lambda asked: requests.append(asked.url))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(played.report.as_uri(), wait_until="load")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    page.requests, page.complaints = requests, complaints
    yield page
    context.close()


def test_report_is_whole_and_asks_for_nothing(opened, played, scheme):
    headings = opened.locator("h1, h2").all_inner_texts()
    assert headings[0] == played.name
    wanted = ["Leaderboard", "Learning curves", "Optimisation history", "Score over η", "Score over γ", "Score over τ"]
    assert [heading for heading in headings if heading in wanted] == wanted
    assert "How to reproduce" in headings

    figures = opened.locator(".js-plotly-plot")
    assert figures.count() >= 5
    for number in range(figures.count()):
        figure = figures.nth(number)
        assert figure.locator(".scatterlayer .trace").count() >= 1
        assert figure.locator(".scatterlayer .point, .scatterlayer .js-line").count() >= 1
        assert figure.bounding_box()["height"] > 200

    finished = len(played.history().in_state("finished"))
    assert opened.locator("tbody tr").count() >= finished

    assert not [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert not opened.complaints


def test_report_fits_its_window(opened, scheme):
    wide, seen = opened.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen, "the page itself must not scroll sideways; a wide table scrolls in its own box"
    for figure in opened.locator(".js-plotly-plot .main-svg").all():
        box = figure.bounding_box()
        assert box is None or box["x"] + box["width"] <= seen + 1


def test_report_follows_light_and_dark(opened, scheme):
    picture = Image.open(io.BytesIO(opened.screenshot())).convert("L")
    corner = picture.getpixel((2, 2))
    assert corner > 200 if scheme == "light" else corner < 60
    ink = [int(part) for part in re.findall(r"\d+", opened.evaluate("getComputedStyle(document.body).color"))[:3]]
    assert abs(sum(ink) / 3 - corner) > 120


def test_ui_link_opens_on_model_training_with_the_search_and_its_trials(page, link, played):
    open_runs(page, link, played.name)
    assert "workflowType=machine_learning" in page.url
    shown = page.locator("[aria-checked=true], [data-state=on], [aria-pressed=true]").all_inner_texts()
    assert "GenAI" not in shown
    assert page.get_by_role("link", name="Models", exact=True).count(), "the training side lists models, not prompts"
    trials = played.history().trials.values()
    for trial in trials:
        name = f"{trial.number:03d} {trial.family}{' baseline' if trial.baseline else ''}"
        assert page.get_by_role("link", name=name, exact=True).count() == 1, name
    assert page.get_by_text(f"{len(trials) + 1} matching runs").count()


def test_compare_page_shows_the_loss_as_parallel_coordinates(page, link, played):
    ended = [trial.number for trial in played.history().in_state("finished", "stopped")]
    runs = child_runs(played.delivered)
    open_comparison(page, link, [runs[number] for number in ended])
    assert page.get_by_text(f"Comparing {len(ended)} Runs from 1 Experiment").count()
    page.locator(".parcoords .axis-title").first.wait_for(timeout=PATIENCE)
    titles = page.locator(".parcoords .axis-title").all_text_contents()  # in svg there is no inner text
    assert {"loss.eta", "loss.gamma", "loss.temperature"} <= set(titles)
