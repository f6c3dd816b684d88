"""A worker: one process that serves, as a row that others can read. Who holds which master keys is known by it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta

import gevent
from flask import Flask
from sqlalchemy import BigInteger, Integer, String, Text, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.extensions import Base, db

BEAT_SECONDS = 5
# Three beats may be late before somebody counts as dead: a loaded machine is not a stopped one.
DEAD_AFTER = timedelta(seconds=20)
FORGOTTEN_AFTER = timedelta(days=1)
log = logging.getLogger(__name__)


class Worker(Base):
    """One process that serves, from its start until it ends or falls silent."""

    __tablename__ = "worker"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    key_ids: Mapped[str] = mapped_column(
        Text, default="", comment="ids of the master keys it holds, newest first, with spaces between"
    )

    @property
    def name(self) -> str:
        """What an operator can find it by."""
        return f"process {self.pid} on {self.host}"

    def holds(self, key_id: str) -> bool:
        """Whether it was started with this master key."""
        return key_id in self.key_ids.split()

    @classmethod
    def living(cls) -> list[Worker]:
        """Those that were seen within the last 20 seconds. One that was killed counts until then.

        What lies further ahead than that is from before the clock was set back: whoever lives writes anew within five
        seconds.
        """
        lately = cls.seen_at.between(now() - DEAD_AFTER, now() + DEAD_AFTER)
        return list(db.session.scalars(select(cls).where(lately).order_by(cls.id)))


class Presence:
    """This process's own row: written at the start, renewed every five seconds, taken away at the end."""

    def __init__(self, app: Flask, key_ids: Iterable[str]) -> None:
        self.app, self.key_ids = app, " ".join(key_ids)
        self.id: int | None = None

    def begin(self) -> None:
        """Be known, before anything is served; and stay known, from a greenlet of its own."""
        with self.app.app_context():
            lately = Worker.seen_at.between(now() - FORGOTTEN_AFTER, now() + FORGOTTEN_AFTER)
            db.session.execute(delete(Worker).where(~lately))
            self.beat()
        gevent.spawn(self._keep_beating)

    def beat(self) -> None:
        """Say that this process lives, and commit."""
        moment = now()
        seen = update(Worker).where(Worker.id == self.id).values(seen_at=moment, key_ids=self.key_ids)
        # A row that somebody removed (a restored backup has other rows, too) is written anew.
        if self.id is None or db.session.scalar(seen.returning(Worker.id)) is None:
            row = Worker(host=socket.gethostname(), pid=os.getpid(), seen_at=moment, key_ids=self.key_ids)
            db.session.add(row)
            db.session.flush()
            self.id = row.id
        db.session.commit()

    def end(self) -> None:
        """This process serves no more: nobody waits for it to fall silent."""
        with self.app.app_context():
            db.session.execute(delete(Worker).where(Worker.id == self.id))
            db.session.commit()

    def _keep_beating(self) -> None:
        while True:
            gevent.sleep(BEAT_SECONDS)
            try:
                with self.app.app_context():
                    self.beat()
            except Exception:
                log.exception("this worker could not say that it lives")
