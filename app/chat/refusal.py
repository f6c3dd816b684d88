"""Refusals: the error codes a chat client may get, with the words a person reads."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter

REFUSED = Counter("streamzy_refused", "Socket events refused", ["code"])

MESSAGES = {
    "bad_request": "The request was malformed.",
    "not_signed_in": "Sign in to write here.",
    "not_found": "There is no such channel, or you may not read it.",
    "forbidden": "You may not do that here.",
    "banned": "You are banned from this channel.",
    "timed_out": "You are timed out here.",
    "slow_mode": "Slow mode is on: wait before you write again.",
    "duplicate": "You said that a moment ago.",
    "members_only": "Only members may write here at the moment.",
    "unknown_command": "There is no such command. Begin with // to send a slash.",
    "rate_limited": "Not so fast.",
    "blocked": "This looks like an attack and was not sent.",
    "empty": "There is nothing to send.",
    "too_long": "A message has at most 500 characters.",
    "must_change_password": "Choose a password of your own first.",
    "unavailable": "Nothing was stored. Try again.",
}


class Refused(Exception):
    """An act the chat refuses. ``retry_after`` is in whole seconds, where waiting helps.

    ``request_id`` is that of the log line which says what went wrong, where something did.
    """

    def __init__(
        self, code: str, message: str | None = None, retry_after: int | None = None, request_id: str = ""
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or MESSAGES[code]
        self.retry_after = retry_after
        self.request_id = request_id

    def acknowledgement(self) -> dict[str, Any]:
        """What the client gets."""
        REFUSED.labels(self.code).inc()
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.retry_after is not None:
            error["retry_after"] = self.retry_after
        if self.request_id:
            error["request_id"] = self.request_id
        return {"ok": False, "error": error}
