"""Engine.IO's pings: one greenlet for all sockets, where the library keeps one, with its stack, for each."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import Any

import gevent
from engineio import exceptions

LEAST_PAUSE = 0.05  # seconds: what is due within it is sent together


class Heartbeat:
    """Everybody waits equally long for their ping, so who is due is at the front of a queue."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._due: deque[tuple[float, Any]] = deque()
        self._greenlet: gevent.Greenlet | None = None

    def add(self, client: Any) -> None:
        """Ping ``client`` when its time has come."""
        self._due.append((time.monotonic() + self.seconds, client))
        if not self._greenlet:
            self._greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        while self._due:
            due, client = self._due[0]
            wait = due - time.monotonic()
            if wait > 0:
                gevent.sleep(max(wait, LEAST_PAUSE))
                continue
            self._due.popleft()
            with contextlib.suppress(exceptions.SocketIsClosedError):
                client.ping()
