"""What a person sees of the report: a file, without a network."""

import io
import re

import pytest
from browsing import CHROMIUM
from pages import HEADINGS
from PIL import Image

from search.reporting import html

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM}: apt-get install chromium"),
]


@pytest.fixture(scope="module", params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(scope="module", params=[390, 1400], ids=["phone", "desk"])
def opened(request, browser, played, scheme):
    """The report in a browser, with everything that it asked for and complained of."""
    phone = request.param < 500
    context = browser.new_context(
        viewport={"width": request.param, "height": 900}, color_scheme=scheme, has_touch=phone, is_mobile=phone
    )
    page = context.new_page()
    requests, complaints = [], []
    page.on("request", lambda asked: requests.append(asked.url))
    page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(played.report.as_uri(), wait_until="load")
    page.locator(f"body[data-drawn={scheme}]").wait_for()
    page.requests, page.complaints = requests, complaints
    yield page
    context.close()


def is_complaint(said) -> bool:
    """An error or a warning of the page's own; a browser without a GPU remarks that its WebGL is slow."""
    return said.type in ("error", "warning") and "GL Driver Message" not in said.text


def test_report_is_whole_and_asks_for_nothing(opened, played, scheme):
    assert opened.locator("h1").inner_text() == played.name
    assert opened.locator("h2").all_inner_texts() == HEADINGS
    assert opened.locator("tbody tr").count() >= len(played.history().in_state("finished"))
    assert not [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert not opened.complaints


def test_every_figure_of_the_report_is_drawn(opened, scheme):
    marks = ".point, .js-line, .hm, .heatmaplayer image"
    figures = opened.locator("figure")
    assert figures.count() >= 12
    for number in range(figures.count()):
        figure = figures.nth(number)
        assert figure.locator(".main-svg").first.bounding_box()["height"] > 150
        assert figure.locator(marks).count() >= 1, figure.get_attribute("id")


def test_report_fits_its_window(opened, scheme):
    wide, seen = opened.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen, "the page itself must not scroll sideways; a wide table scrolls in its own box"
    for figure in opened.locator("figure > .js-plotly-plot .main-svg").all():
        box = figure.bounding_box()
        assert box is None or box["x"] + box["width"] <= seen + 1


@pytest.mark.parametrize("width", [390, 1400])
def test_a_wide_picture_has_a_shade_at_its_side_as_long_as_it_scrolls_further(width, browser, tmp_path):
    content = io.BytesIO()
    Image.new("RGB", (900, 40), "white").save(content, "JPEG")
    file = tmp_path / "picture.html"
    file.write_text(html.page("picture", [html.Section("", html.picture(content.getvalue(), "a wide one"))]))
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(file.as_uri())
    box = page.locator(".wide")
    shade = "box => Number(getComputedStyle(box, '::after').opacity)"
    assert box.evaluate(shade) == (1 if width < 900 else 0)
    box.evaluate("box => box.scrollLeft = box.scrollWidth")
    page.wait_for_function("getComputedStyle(document.querySelector('.wide'), '::after').opacity === '0'", timeout=5000)
    page.close()


def test_figures_are_legible_in_their_window(opened, scheme):
    """Axis titles and legends lie within the figure, and no legend over its plot or its axis."""
    for figure in opened.locator("figure").all():
        frame = figure.locator(".plot").bounding_box()
        for words in figure.locator(".xtitle, .ytitle, .legend").all():
            box = words.bounding_box()
            assert box["x"] >= frame["x"] - 1, figure.get_attribute("id")
            assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1, figure.get_attribute("id")
        for legend in figure.locator(".legend").all():
            axis = figure.locator(".xtitle, .xtick").last.bounding_box()
            assert legend.bounding_box()["y"] >= axis["y"] + axis["height"] - 1, figure.get_attribute("id")


def test_report_follows_light_and_dark(opened, scheme):
    picture = Image.open(io.BytesIO(opened.screenshot())).convert("L")
    corner = picture.getpixel((2, 2))
    assert corner > 200 if scheme == "light" else corner < 60
    assert abs(brightness(opened.evaluate("getComputedStyle(document.body).color")) - corner) > 120
    assert abs(brightness(ink_of_figures(opened)) - corner) > 120


def test_an_open_report_follows_a_change_of_scheme(browser, played):
    page = browser.new_page(color_scheme="light")
    page.goto(played.report.as_uri())
    page.locator("body[data-drawn=light]").wait_for()
    before = brightness(ink_of_figures(page))
    page.emulate_media(color_scheme="dark")
    page.locator("body[data-drawn=dark]").wait_for()
    assert before < 80
    assert brightness(ink_of_figures(page)) > 180
    page.close()


def ink_of_figures(page) -> str:
    return page.locator("#learning-curves .ytitle").evaluate("title => getComputedStyle(title).fill")


def brightness(colour: str) -> float:
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 3


@pytest.mark.parametrize("by_key", [False, True], ids=["click", "key"])
def test_the_leaderboard_sorts_by_any_header(browser, played, by_key):
    page = browser.new_page()
    page.goto(played.report.as_uri())
    table = page.locator("table").first

    def press(name: str) -> None:
        button = table.get_by_role("button", name=name, exact=True)
        if by_key:
            button.focus()
            page.keyboard.press("Enter")
        else:
            button.click()

    def column(number: int) -> list[str]:
        return table.locator(f"tbody td:nth-child({number})").all_inner_texts()

    ranks = column(1)
    assert ranks == [str(rank) for rank in range(1, len(ranks) + 1)]
    press("rank")
    assert column(1) == ranks[::-1]
    press("trial")
    numbers = [int(number) for number in column(2)]
    assert numbers == sorted(numbers)
    assert numbers != [trial.number for trial in played.history().ranked()]
    sorts = table.locator("th").evaluate_all("heads => heads.map(head => head.getAttribute('aria-sort'))")
    assert sorts == ["none", "ascending", *["none"] * (len(sorts) - 2)]
    press("trial")
    assert [int(number) for number in column(2)] == numbers[::-1]
    press("loss")
    assert column(3) == sorted(column(3))
    page.close()


def test_a_long_table_shows_ten_rows_until_its_button_is_pressed_however_it_is_sorted(browser, tmp_path):
    rows = [[str(number)] for number in range(1, 13)]
    file = tmp_path / "page.html"
    made = html.table(["rank"], rows, sorted_by="rank", folds=True)
    file.write_text(html.page("folds", [html.Section("", made)]))
    shown = browser.new_page()
    shown.goto(file.as_uri())

    def seen() -> list[str]:
        return [row.inner_text() for row in shown.locator("tbody tr").all() if row.is_visible()]

    assert seen() == [str(number) for number in range(1, 11)]
    shown.get_by_role("button", name="rank").click()
    assert seen() == [str(number) for number in range(12, 2, -1)]
    shown.get_by_role("button", name="show all 12 rows").click()
    assert len(seen()) == 12
    shown.get_by_role("button", name="show 10 rows").click()
    assert len(seen()) == 10
    shown.close()
