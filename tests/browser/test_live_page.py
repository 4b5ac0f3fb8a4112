"""What a person sees of the live page in a browser: redrawn as the journal grows, and nothing asked of elsewhere."""

import outages
import pytest
from browsing import CHROMIUM, PATIENCE
from PIL import Image
from playing import begin, tell
from screenshots import LARGEST, picture_page

from search.live_page import reports as drawing
from search.live_page.mlflow_runs import MlflowRuns
from search.live_page.reports import Reports
from search.live_page.searches import Searches
from search.live_page.serving import page_at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium"),
]
SIZES = {"phone": 390, "tablet": 768, "desk": 1400}


@pytest.fixture(scope="module")
def going(tmp_path_factory):
    """A search whose driver is this process, after two trials."""
    folder, conductor = begin(tmp_path_factory.mktemp("live"), "Going.1")
    with folder.lock():
        tell(conductor, trials=2)
        yield folder, conductor
        conductor.close("interrupted")


@pytest.fixture(scope="module")
def address(going):
    port = outages.free_port()
    with page_at(port, Searches(going[0].root, MlflowRuns()), Reports()):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def opened(browser):
    """Opens an address; with what the page asked for and complained of."""
    contexts = []

    def open_(address, width=1400, scheme="light"):
        phone = width < 500
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=phone, is_mobile=phone
            )
        )
        page = contexts[-1].new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda said: page.complaints.append(said.text) if is_complaint(said) else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def is_complaint(said) -> bool:
    return said.type in ("error", "warning") and "GL Driver Message" not in said.text


def report_of(page):
    """The document of the report that is shown, whichever that is when it is asked."""
    page.locator("#report iframe:not(.next)").wait_for(timeout=PATIENCE)
    return page.frame_locator("#report iframe:not(.next)")


def wait_until(page, holds):
    """Playwright's own way compiles a text, which the page's policy forbids."""
    for _ in range(PATIENCE // 200):
        if holds():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it did not come")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES.values(), ids=SIZES)
def test_pages_fit_their_window_follow_the_scheme_and_ask_nothing_of_elsewhere(opened, address, width, scheme):
    for path in ("/", "/searches/Going.1", "/searches/Going.1/trial/0"):
        page = opened(address + path, width, scheme)
        page.locator("h1").wait_for()
        if path == "/searches/Going.1":
            frame = report_of(page)
            frame.locator(f"body[data-drawn={scheme}]").wait_for()
            assert frame.locator("h2").count() > 5
            frame_box = page.locator("#report iframe").bounding_box()
            inside = frame.locator("html").evaluate("html => html.getBoundingClientRect().height")
            assert abs(frame_box["height"] - inside) < 2, "one scroll bar: the page's"
        wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide <= seen
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (scheme == "dark")
        assert not [url for url in page.asked if not url.startswith((f"{address}/", "data:", "blob:"))]
        assert not page.complaints


def test_list_and_report_are_redrawn_as_the_journal_grows_and_the_place_that_is_read_stays(
    opened, address, going, monkeypatch
):
    _, conductor = going
    monkeypatch.setattr(drawing, "AT_MOST_EVERY", 0.5)
    listed, page = opened(f"{address}/"), opened(f"{address}/searches/Going.1")
    assert listed.locator(".state.running").count() == 1
    frame = report_of(page)
    page.locator("details summary").first.click()
    trials = page.locator("details tbody tr")
    before, rows = trials.count(), frame.locator("tbody tr").count()
    heading = frame.get_by_role("heading", name="Learning curves")
    heading.scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 200)")
    read = heading.bounding_box()["y"]
    asked = len(page.asked)
    page.wait_for_timeout(4500)
    assert not [url for url in page.asked[asked:] if "/report" in url], "nothing has happened"
    tell(conductor, trials=3)
    trials.nth(before + 2).wait_for(timeout=PATIENCE)
    assert page.locator("details").first.get_attribute("open") is not None, "what the reader unfolded stays"
    wait_until(page, lambda: report_of(page).locator("tbody tr").count() > rows)
    again = report_of(page).get_by_role("heading", name="Learning curves")
    assert abs(again.bounding_box()["y"] - read) < 3
    assert "5 of" in listed.locator("tbody tr").first.inner_text()
    assert not page.complaints


def test_a_running_trials_log_follows_its_end(opened, address, going):
    folder, conductor = going
    trial = conductor.next_trial()
    conductor.launched(trial.number)
    log = folder.trial(trial.number).log
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(f"epoch {number}\n" for number in range(200)))
    search = opened(f"{address}/searches/Going.1")
    link = search.get_by_role("link", name=f"explain, log of trial {trial.number}", exact=True).first
    link.wait_for(timeout=PATIENCE)
    link.click()
    shown = search.locator("#log")
    shown.wait_for()
    with log.open("a") as file:
        file.write("<b>the newest</b>\n")
    search.get_by_text("<b>the newest</b>").wait_for(timeout=PATIENCE)
    at_end = "log => log.scrollTop + log.clientHeight >= log.scrollHeight - 5"
    assert shown.evaluate(at_end)
    shown.evaluate("log => { log.scrollTop = 40; }")
    with log.open("a") as file:
        file.write("one more\n")
    wait_until(search, lambda: "one more" in shown.inner_text())
    assert shown.evaluate("log => log.scrollTop") == 40, "who reads further up stays there"


def test_a_page_whose_server_has_ended_says_so(opened, going):
    port = outages.free_port()
    with page_at(port, Searches(going[0].root, MlflowRuns()), Reports()):
        page = opened(f"http://127.0.0.1:{port}/")
        page.locator("tbody tr").wait_for()
        assert page.locator("#gone").is_hidden()
    page.locator("#gone:not([hidden])").wait_for(timeout=PATIENCE)
    assert page.locator("tbody tr").count() == 1


def test_its_picture_for_the_readme_is_small_and_shows_the_report(browser, address, tmp_path):
    picture_page(browser, f"{address}/searches/Going.1", tmp_path / "page.png")
    assert 20_000 < (tmp_path / "page.png").stat().st_size < LARGEST
    colours = Image.open(tmp_path / "page.png").convert("RGB").crop((0, 500, 1100, 1000)).getcolors(1_000_000)
    assert len(colours) > 100, "the lower half has the report's letters and dots"
