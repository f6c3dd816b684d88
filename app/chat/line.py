"""A line of chat as clients get it: the same live, from history and in a snippet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.types import UserDefinedType

UNVERIFIED = "This message could not be verified."
REMOVED = "message removed"
COLOURS = 12


def wire(
    message_id: int,
    slug: str,
    username: str,
    author_badges: list[str],
    kind: str,
    text: str,
    sent_at: str,
    reply_to: dict[str, Any] | None,
) -> dict[str, Any]:
    """A message as clients get it, live and from history alike; ``sent_at`` as ``timestamp`` writes it."""
    return {
        "id": message_id,
        "channel": slug,
        "author": {"username": username, "badges": author_badges, "colour": colour(username)},
        "kind": kind,
        "text": text,
        "sent_at": sent_at,
        "reply_to": reply_to,
    }


def timestamp(moment: datetime) -> str:
    """A moment as clients get it: ISO 8601 in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Timestamp(UserDefinedType[str]):
    """A stored moment, read as clients get it: SQLite keeps it as a text that holds all of that."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], str]:
        """From what the database's driver gives."""
        return _cut if dialect.name == "sqlite" else lambda moment: timestamp(moment.astimezone(UTC))


def _cut(stored: str) -> str:
    return f"{stored[:10]}T{stored[11:23]}Z"


@lru_cache(maxsize=4096)
def colour(username: str) -> int:
    """Which of the twelve name colours (1 to 12) is this account's: the same on every screen, for ever."""
    value = 2166136261
    for byte in username.casefold().encode():  # FNV-1a: Python's own hash differs in every process
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value % COLOURS + 1
