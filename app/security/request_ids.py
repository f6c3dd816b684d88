"""Request ids: what an answer, the log lines about it, and whoever quotes it have in common."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import log_line

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEY = "streamzy.request_id"
# As proxies make them (nginx 32 digits, others a UUID). Anything else could be made to look like another line.
SAFE = re.compile(r"[A-Za-z0-9_-]{8,64}")


def of(environ: WSGIEnvironment) -> str:
    """The id of the request that ``environ`` describes."""
    found: str = environ.get(KEY, "")
    return found


class RequestIds:
    """WSGI middleware: each request has an id, answered as X-Request-Id. A proxy's own is kept if it is ``trusted``."""

    def __init__(self, application: WSGIApplication, *, trusted: bool) -> None:
        self.application, self.trusted = application, trusted

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent = environ.get("HTTP_X_REQUEST_ID", "") if self.trusted else ""
        request_id = sent if SAFE.fullmatch(sent) else secrets.token_hex(8)
        environ[KEY] = request_id
        log_line.begin_request(request_id)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            return start_response(status, [*headers, ("X-Request-Id", request_id)], *rest)

        return self.application(environ, start)
