"""How fast long work goes: all it can get where nobody serves; beside people who chat half of it, in short writes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.extensions import db
from app.workers.worker import Worker

# A write keeps everybody else's waiting on SQLite: batches are cut so that it lasts about this long, in seconds.
ALONE, BESIDE_CHAT = 0.050, 0.002
SMALLEST_BATCH, LARGEST_BATCH = 20, 1000
LOOK_FOR_WORKERS_SECONDS = 2


class Pace:
    """How many messages one write holds, and how long to rest after it."""

    def __init__(self) -> None:
        self.batch = 100
        self._looked_at = 0.0
        self._somebody_serves = False

    def wrote(self, messages: int, seconds: float) -> None:
        """After a write of so many in so long: cut the next batch so that its write lasts as long as wanted."""
        if messages:
            wanted = messages * min(2.0, (BESIDE_CHAT if self._somebody_serves else ALONE) / seconds)
            self.batch = int(min(LARGEST_BATCH, max(SMALLEST_BATCH, wanted)))

    def rest(self, worked: float) -> None:
        """Where somebody serves, do nothing for as long as we worked: half the time is theirs alone."""
        if time.monotonic() - self._looked_at > LOOK_FOR_WORKERS_SECONDS:
            self._somebody_serves, self._looked_at = bool(Worker.living()), time.monotonic()
            db.session.rollback()
        if self._somebody_serves:
            time.sleep(worked)


@contextmanager
def giving_way(nice: int) -> Iterator[None]:
    """Hand the interpreter over at once to the thread that writes, and step back ``nice`` steps behind other processes.

    Only this thread steps back, and for good. One that holds a lock while it waits for its turn would keep those
    waiting to whom it gives way: the threads that write were started before.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    os.nice(nice)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
