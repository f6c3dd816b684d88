"""What time it is, for rules that depend on it, and how times are stored: UTC, on every database the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Clock:
    """The clock that rules read. Tests move it; nothing else does."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> datetime:
        """The time in UTC, with its zone."""
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + self.offset_seconds, UTC)


clock = Clock()


def now() -> datetime:
    """The time in UTC, with its zone."""
    return clock.now()


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time. SQLite knows no zones and PostgreSQL converts them: both store and answer UTC here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone would mean something else on every machine")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)
