"""Who may ask for the page, and what a browser may do with it.

The page listens on 127.0.0.1 only, and it has no login. The danger that remains is other sites' pages in the same
browser. They must not read our page under a host name of their own (DNS rebinding), put it into a frame, or make it
work.
"""

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OURS = frozenset({"127.0.0.1", "localhost", "[::1]"})  # at any port: ssh -L may give the page another
FROM_OURSELVES = "default-src 'none'; base-uri 'none'; form-action 'none'; "
OF_A_PAGE = FROM_OURSELVES + (
    "script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "frame-ancestors 'none'"
)
# a report is one file with its scripts and styles inside, and plotly adds styles: both must be allowed inline
OF_A_REPORT = FROM_OURSELVES + (
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'"
)
ALWAYS = {
    "cache-control": "no-store",
    "content-security-policy": OF_A_PAGE,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
IN_A_FRAME = {"content-security-policy": OF_A_REPORT, "x-frame-options": "SAMEORIGIN"}  # a report in our page


class Guard:
    """Refuses the requests that `refusal` names, and adds the headers of `ALWAYS` to every answer that lacks them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        why = refusal(Headers(scope=scope))
        app = self._app if why is None else PlainTextResponse(f"{why}\n", 403)
        await app(scope, receive, send_guarded)


def refusal(headers: Mapping[str, str]) -> str | None:
    """Why a request is refused; None if it is not.

    A request is refused if its host name is not in `OURS`. A request that a page of another site makes is refused, too,
    unless somebody followed a link there.
    """
    host = headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name.lower() not in OURS:
        return "This page is for 127.0.0.1 and localhost alone."
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if headers.get("sec-fetch-site") == "cross-site" and not is_link:
        return "This page is not for the pages of others."
    return None
