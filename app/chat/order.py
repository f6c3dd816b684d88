"""Messages in the order of their ids, each once, whichever process stored them and in whatever order they come here.

Ids of a channel are dense, and their order is the order of commits. So a message with a higher id than the next shows
that one is missing which is stored already: it is on its way, or it is fetched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent
from flask import Flask
from prometheus_client import Counter
from sqlalchemy import select

from app.channels.channel import Channel
from app.chat import broadcasts, history
from app.extensions import db

PATIENCE_SECONDS = 0.1  # for what another process has stored and not told yet
AT_ONCE = 500
REMEMBER_SECONDS = 60
FETCHED = Counter("streamzy_messages_fetched", "Messages that reached this process through the database, not the bus")
log = logging.getLogger(__name__)

Which = Callable[[dict[str, Any]], bool]


@dataclass
class Line:
    """One channel as this process has heard it: everything up to the id ``heard``, and what lies beyond a hole."""

    heard: int
    waiting: dict[int, dict[str, Any] | None] = field(default_factory=dict)  # None: removed meanwhile
    removed: list[tuple[float, Which]] = field(default_factory=list)
    expected: int = 0
    filling: bool = False

    def put(self, message: dict[str, Any]) -> None:
        """Keep a message until its turn has come, unless it had its turn or was removed before it came."""
        if message["id"] > self.heard:
            gone = any(holds(message) for _, holds in self.removed)
            self.waiting[message["id"]] = None if gone else message

    def remove(self, which: Which) -> None:
        """What ``which`` holds for is gone: it may still be on its way."""
        moment = time.monotonic()
        self.removed = [(at, known) for at, known in self.removed if moment - at < REMEMBER_SECONDS]
        self.removed.append((moment, which))
        for number, message in self.waiting.items():
            if message is not None and which(message):
                self.waiting[number] = None

    def release(self) -> list[dict[str, Any]]:
        """What has its turn now."""
        ready = []
        while self.heard + 1 in self.waiting:
            self.heard += 1
            message = self.waiting.pop(self.heard)
            if message is not None:
                ready.append(message)
        return ready


class Order:
    """The channels that are read through this process."""

    def __init__(self, app: Flask, read: Callable[[int], bool]) -> None:
        self.app, self._read = app, read
        self._lines: dict[int, Line] = {}
        broadcasts.removal_listeners.append(self._on_removal)

    def follow(self, channel_id: int, last_id: int) -> None:
        """From now on somebody reads the channel here; ``last_id`` was stored when they began to look at it."""
        self._lines.setdefault(channel_id, Line(last_id))

    def take(self, channel_id: int, posted: list[dict[str, Any]]) -> None:
        """Pass on what has its turn; keep the rest until what is before it is here."""
        line = self._lines.get(channel_id)
        if line is None:
            return
        for message in posted:
            line.put(message)
        self._pass_on(channel_id, line)
        if line.waiting:
            self._fill(channel_id, line, PATIENCE_SECONDS)

    def look(self, *, impatient: bool) -> None:
        """Compare with the database, and fetch what never came; what is only a moment late, when ``impatient``."""
        for channel_id in [known for known in self._lines if not self._read(known)]:
            del self._lines[channel_id]
        if not self._lines:
            return
        stored = select(Channel.id, Channel.last_message_id).where(Channel.id.in_(list(self._lines)))
        for channel_id, last_id in db.session.execute(stored).all():
            line = self._lines.get(channel_id)
            if line is None:
                continue
            if line.heard < (last_id if impatient else line.expected):
                self._fill(channel_id, line, 0)
            line.expected = last_id
        db.session.rollback()

    def _on_removal(self, channel_id: int, which: Which) -> None:
        if line := self._lines.get(channel_id):
            line.remove(which)

    def _pass_on(self, channel_id: int, line: Line) -> None:
        if ready := line.release():
            broadcasts.messages_posted(channel_id, ready)

    def _fill(self, channel_id: int, line: Line, after_seconds: float) -> None:
        if not line.filling:
            line.filling = True
            gevent.spawn_later(after_seconds, self._fetch, channel_id, line)

    def _fetch(self, channel_id: int, line: Line) -> None:
        try:
            # Filled by itself, or everybody left, while we waited: then there is nothing to ask for.
            while self._lines.get(channel_id) is line and (line.waiting or line.heard < line.expected):
                with self.app.app_context():
                    more = self._fetch_some(channel_id, line)
                if not more:
                    return
        except Exception:
            log.exception("messages of other processes could not be fetched; they will be, at the next look")
        finally:
            line.filling = False

    def _fetch_some(self, channel_id: int, line: Line) -> bool:
        channel = db.session.get(Channel, channel_id)
        if channel is None:
            self._lines.pop(channel_id, None)
            return False
        last_id, since = channel.last_message_id, line.heard
        stored, more = history.after(channel, since, AT_ONCE)
        db.session.commit()
        complete = stored[-1]["id"] if more else max(last_id, stored[-1]["id"] if stored else 0)
        FETCHED.inc(len(stored))
        for number in range(line.heard + 1, complete + 1):
            line.waiting.setdefault(number, None)  # deleted, unless it is among what follows
        for message in stored:
            line.put(message)
        self._pass_on(channel_id, line)
        return more
