"""A line of the log: one JSON object, with the request or the socket event that it is about; nothing that was typed.

gunicorn's master writes such lines before gevent has patched the standard library: nothing else is imported here.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple

# Whose messages speak of machines. Of any other exception the log has type and place: its message may quote a person.
MACHINES = {"psycopg", "redis", "sqlalchemy", "sqlite3"}
MOST_FRAMES = 40

_numbers = itertools.count(1)


class Subject(NamedTuple):
    """What a line is about: an HTTP request, or an event on the socket that the request opened."""

    request_id: str
    event: str = ""
    number: int = 0

    @property
    def event_id(self) -> str:
        """The event's own id, which begins with its connection's; the request's where there is no event."""
        return f"{self.request_id}-{self.number}" if self.event else self.request_id


# Each greenlet has its own. Whoever begins something says so; lines are written far below, where nobody knows of it.
_subject: ContextVar[Subject | None] = ContextVar("subject", default=None)


def begin_request(request_id: str) -> None:
    """From here on this greenlet's lines are about a request."""
    _subject.set(Subject(request_id))


def begin_event(request_id: str, event: str) -> None:
    """From here on this greenlet's lines are about an event on the socket that ``request_id`` opened."""
    _subject.set(Subject(request_id, event, next(_numbers)))


def subject() -> Subject | None:
    """What this greenlet's lines are about; None for work that nobody asked for."""
    return _subject.get()


def without_links(text: str) -> str:
    """``text`` without query strings, and without the paths that are keys to what they show."""
    text = re.sub(r"(/\S*?)\?\S*", r"\1", text)
    return re.sub(r"(/apply/status/|/overlay/|/reveal/)[^/\s?\"\]]+", r"\1...", text)


class JsonLine(logging.Formatter):
    """Formats a record as one JSON object; ``extra={"events": [...]}`` names the events that it is about together."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        return json.dumps(fields(record))


class WordLine(logging.Formatter):
    """The same in words, for whoever looks on at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and below it what failed where."""
        told = fields(record)
        about = told.get("event_id") or told.get("request_id")
        line = f"{told['level']}: {told['message']} ({told['logger']}{f', {about}' if about else ''})"
        return f"{line}\n{told['error']}" if "error" in told else line


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What a line says."""
    # A path may hold a line break: it must not forge a line.
    message = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "?", without_links(record.getMessage()))
    line: dict[str, object] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "process": record.process,
        "message": message,
    }
    if events := getattr(record, "events", None):
        line["events"] = events
    elif about := _subject.get():
        line["request_id"] = about.request_id
        if about.event:
            line |= {"event": about.event, "event_id": about.event_id}
    if record.exc_info and record.exc_info[1]:
        line["error"] = failure(record.exc_info[1])
    return line


def failure(error: BaseException) -> str:
    """What failed where: ``error`` first, then what it came from."""
    told: list[str] = []
    step: BaseException | None = error
    while step is not None and len(told) < 5:
        frames = without_links("".join(traceback.format_tb(step.__traceback__, -MOST_FRAMES)))
        told.append(f"Traceback (most recent call last):\n{frames}{type(step).__qualname__}{_said(step)}")
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    return "\nwhich came from\n".join(told)


def _said(error: BaseException) -> str:
    of_machines = isinstance(error, OSError) or type(error).__module__.partition(".")[0] in MACHINES
    # What the database calls the details, on further lines, are values; of bad values even the first line quotes one.
    if not of_machines or type(error).__name__ == "DataError" or not str(error):
        return ""
    return f": {without_links(str(error).splitlines()[0])}"


def formatter(stream: object) -> logging.Formatter:
    """Words on a terminal, JSON for whatever keeps lines."""
    return WordLine() if getattr(stream, "isatty", lambda: False)() else JsonLine()


def write_all() -> None:
    """Have this process's loggers, ours and the libraries', write such lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(sys.stderr))
    logging.getLogger().handlers = [handler]
    for name in ("app", "engineio.server", "socketio.server"):  # these brought handlers of their own
        logging.getLogger(name).handlers.clear()
    logging.captureWarnings(True)
