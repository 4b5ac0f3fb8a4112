"""Whom search.live_page.guard lets in, and the headers of every answer."""

import pytest

from search.live_page.guard import refusal

FOREIGN = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
LINKED = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
FRAMED = LINKED | {"sec-fetch-dest": "iframe"}


@pytest.mark.parametrize("host", ["127.0.0.1:5001", "localhost:5001", "localhost", "LOCALHOST:8080", "[::1]:5001"])
def test_this_machines_own_names_are_let_in_at_any_port(host):
    assert refusal({"host": host}) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5001", "127.0.0.1.evil.example:5001", "127.0.0.1@evil.example", "", "::1"]
)
def test_a_foreign_name_is_refused_on_every_path(shown, host):
    assert refusal({"host": host}) is not None
    for path in ("/", "/searches/told", "/searches/told/report", "/page.js", "/none"):
        answer = shown.get(path, host=host)
        assert answer.status_code == 403
        assert "told" not in answer.text


def test_the_page_of_another_site_may_link_to_it_and_no_more():
    host = {"host": "127.0.0.1:5001"}
    assert refusal(host | LINKED) is None
    assert refusal(host | FOREIGN) is not None
    assert refusal(host | FRAMED) is not None
    assert refusal(host | {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}) is None
    assert refusal(host | {"sec-fetch-site": "same-site"} | FOREIGN) is not None


@pytest.mark.parametrize("path", ["/", "/searches/told", "/searches/told/rows", "/searches/told/trial/0", "/none"])
def test_no_answer_may_be_framed_kept_or_load_from_elsewhere_and_none_sets_a_cookie(shown, path):
    headers = shown.get(path).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert "set-cookie" not in headers
