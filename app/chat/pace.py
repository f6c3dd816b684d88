"""How fast long work goes: all it can get where nobody serves; beside people who chat a part of it, in short writes."""

from __future__ import annotations

import time

from app.extensions import db
from app.workers.worker import Worker

# A write keeps everybody else's waiting on SQLite: batches are cut so that it lasts about this long, in seconds.
ALONE, BESIDE_CHAT = 0.050, 0.002
SMALLEST_BATCH, FIRST_BATCH, LARGEST_BATCH = 20, 100, 1000
REST = 3.0  # beside people who chat: seconds of rest for each second of work
LOOK_FOR_WORKERS_SECONDS = 2


class Pace:
    """How many messages one write holds, and how long to rest after it."""

    def __init__(self) -> None:
        self.batch = FIRST_BATCH
        self.writes: list[float] = []  # for how many seconds each kept others waiting
        self._looked_at = 0.0
        self._somebody_serves = False

    @property
    def somebody_serves(self) -> bool:
        """Whether a server runs, looked up every two seconds."""
        if time.monotonic() - self._looked_at > LOOK_FOR_WORKERS_SECONDS:
            self._somebody_serves, self._looked_at = bool(Worker.living()), time.monotonic()
            db.session.rollback()
        return self._somebody_serves

    def wrote(self, messages: int, seconds: float) -> None:
        """After a write of so many in so long: cut the next batch so that its write lasts as long as wanted."""
        self.writes.append(seconds)
        wanted = messages * min(2.0, (BESIDE_CHAT if self.somebody_serves else ALONE) / seconds)
        self.batch = int(min(LARGEST_BATCH, max(SMALLEST_BATCH, wanted)))

    def rest(self, worked: float) -> None:
        """Where somebody serves, do nothing for a while after so many seconds of work, whoever did it."""
        if self.somebody_serves:
            time.sleep(worked * REST)
