"""The watch of each process: hears other processes' announcements, ends idle people's sockets, tells viewer counts."""

from __future__ import annotations

import logging
import os
import time
from datetime import datetime

import gevent
from flask import Flask
from gevent.event import Event
from sqlalchemy import select

from app.auth import announcement
from app.auth.session import UserSession
from app.chat import connections, hearing, presence
from app.clock import now
from app.extensions import db

HEAR_SECONDS = 0.5
TELL_EVERY = 4  # turns: viewer counts go out every 2 s
SHARE_EVERY = 12  # turns: other processes hear every 6 s who reads here, changed or not
SWEEP_EVERY = 10  # turns: limits are looked at every 5 s
RENEW_EVERY = 40  # turns: whoever is connected keeps the seat for another minute, every 20 s
PRUNE_EVERY = 7200
DEAF_AFTER_SECONDS = 5
log = logging.getLogger(__name__)


class Listener:
    """One greenlet. While it cannot read announcements for 5 s, this process does not know who was cut: it is deaf."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.heard_at: datetime = now()
        self._heard = time.monotonic()  # how long ago is measured on a clock that nobody sets
        self._called = Event()
        self._news = False
        self._owner = 0

    def start(self) -> None:
        """Begin to listen, once in a process."""
        if self._owner != os.getpid():
            self._owner, self._heard = os.getpid(), time.monotonic()
            gevent.spawn(self._run)

    @property
    def deaf(self) -> bool:
        """Whether sends must be refused, because a cut may have gone unheard."""
        return time.monotonic() - self._heard > DEAF_AFTER_SECONDS

    def call(self, *, news: bool = False) -> None:
        """Something was announced in this process that has to be looked up: do it now, not at the next turn.

        With ``news``, another process says that it announced something.
        """
        self._news = self._news or news
        self._called.set()

    def _run(self) -> None:
        turn, due = 0, time.monotonic() + HEAR_SECONDS
        while True:
            self._called.wait(max(0.0, due - time.monotonic()))
            self._called.clear()
            try:
                with self.app.app_context():
                    if time.monotonic() >= due:
                        turn, due = turn + 1, time.monotonic() + HEAR_SECONDS
                        self._turn(turn)
                    elif self._news:
                        self.hear()
                    hearing.look()
            except Exception:
                log.exception("announcements could not be read")

    def _turn(self, turn: int) -> None:
        self.hear()
        relay = self.app.extensions["relay"]
        relay.look(turn)
        if turn % TELL_EVERY == 0:
            relay.share_presence(anyway=turn % SHARE_EVERY == 0)
            presence.tell()
        if turn % SWEEP_EVERY == 0:
            sweep()
        if turn % RENEW_EVERY == 0:
            gevent.spawn(self.app.extensions["seats"].renew)  # Redis may be slow, and cuts must be heard meanwhile
        if turn % PRUNE_EVERY == 0:
            announcement.prune()
            db.session.commit()

    def hear(self) -> None:
        """Act on what was announced since last time."""
        self._news = False
        moment, heard = now(), announcement.heard()
        for news in announcement.since(min(self.heard_at, moment)):  # the clock may have been set back
            if news.id not in heard:
                heard[news.id] = moment
                announcement.announced.send(news)
        db.session.rollback()
        self.heard_at, self._heard = moment, time.monotonic()
        for news_id in [news_id for news_id, at in heard.items() if moment - at > 3 * announcement.LOOK_BACK]:
            del heard[news_id]


def sweep() -> None:
    """Write down what people did on their sockets, and cut those whose session or patience is over."""
    by_session: dict[int, list[connections.Connection]] = {}
    for connection in connections.everyone():
        if connection.session_id is not None:
            by_session.setdefault(connection.session_id, []).append(connection)
    for session in db.session.scalars(select(UserSession).where(UserSession.id.in_(by_session))).unique():
        latest = max(connection.active_at for connection in by_session[session.id])
        if latest > session.last_active_at:
            session.last_active_at = session.last_seen_at = latest
        reason = session.past_its_limits()
        if reason and session.ended_at is None:
            session.end(reason)
        elif reason is None and session.person_is_silent():
            for connection in by_session[session.id]:
                connections.cut(connection, "idle")
        if session.ended_at is not None:
            for connection in by_session[session.id]:
                connections.cut(connection, session.end_reason)
    db.session.commit()
