"""One request to an application, without a server between."""

import asyncio
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


def ask(app: Any, address: str, **headers: str) -> Answer:
    """GET an address of an ASGI application."""
    parts, said = urlsplit(address), []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": parts.scheme,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "server": (parts.hostname, parts.port),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in ({"host": parts.netloc} | headers).items()],
    }

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        said.append(message)

    asyncio.run(app(scope, receive, send))
    there = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return Answer(said[0]["status"], there, b"".join(one.get("body", b"") for one in said[1:]).decode())
