"""On SQLite nobody is left waiting with the write lock: no greenlet switch between a transaction's first write and its
commit. One that yields there, while another spins for the lock, stops every socket of the process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import greenlet  # type: ignore[import-untyped]  # ships none
import pytest
from flask import Flask
from sqlalchemy import event, select, update

from app.auth.session import UserSession
from app.channels.channel import Channel
from app.chat.writer import Draft, Writer
from app.extensions import db
from tests.people import PASSWORD, People

WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)", re.IGNORECASE)


class Watch:
    """Which greenlets hold the write lock, and what was switched away from one that does."""

    def __init__(self) -> None:
        self.writing: dict[int, str] = {}  # by greenlet: its first write
        self.transactions = 0
        self.switches = 0
        self.offences: list[str] = []

    def wrote(self, statement: str) -> None:
        """A statement is about to run in this greenlet."""
        if WRITES.match(statement):
            self.writing.setdefault(id(greenlet.getcurrent()), statement)

    def ended(self) -> None:
        """This greenlet's transaction is committed or rolled back."""
        if self.writing.pop(id(greenlet.getcurrent()), None):
            self.transactions += 1

    def switched(self, what: str, arguments: tuple[greenlet.greenlet, greenlet.greenlet]) -> None:
        """Greenlets were switched."""
        self.switches += 1
        if statement := self.writing.get(id(arguments[0])):
            self.offences.append(statement)


@contextmanager
def watched(app: Flask) -> Iterator[Watch]:
    """Watch the transactions and greenlets of ``app``."""
    watch, engine = Watch(), db.engine

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        watch.wrote(statement)

    def after(_connection: Any) -> None:
        watch.ended()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", after)
    event.listen(engine, "rollback", after)
    greenlet.settrace(watch.switched)
    try:
        yield watch
    finally:
        greenlet.settrace(None)
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "commit", after)
        event.remove(engine, "rollback", after)


def drafts(people: People, lines: int) -> list[Draft]:
    """Lines of a channel's owner, ready to be stored."""
    people.streamer("stella")
    channel = db.session.scalars(select(Channel)).one()
    session = db.session.scalars(select(UserSession)).one()
    return [
        Draft(channel.id, "stella", channel.owner_id, session.id, "stella", [], "text", "ahoy", str(number), None)
        for number in range(lines)
    ]


def test_the_watch_sees_who_yields_with_the_lock(app: Flask, people: People) -> None:
    people.account("vera")
    with watched(app) as watch:
        db.session.execute(update(Channel).values(title="x"))
        gevent.sleep(0)
        db.session.commit()
        gevent.sleep(0)
    assert watch.offences, "this is what all others must not do"
    assert len(watch.offences) == 1, "after the commit it is nobody's business"


def test_a_batch_is_stored_without_a_switch(app: Flask, people: People) -> None:
    writer: Writer = app.extensions["writer"]
    waiting = drafts(people, 200)
    db.session.commit()
    db.session.remove()
    with watched(app) as watch:
        greenlets = [gevent.spawn(writer.store, draft) for draft in waiting]
        for stored in gevent.joinall(greenlets, timeout=20):
            assert stored.get().id
    assert watch.transactions >= 1
    assert watch.switches > 2 * len(waiting), "nothing was switched at all: the trace saw nothing"
    assert watch.offences == []


Act = Callable[[People], object]


def change_password(people: People) -> object:
    """Choose another one."""
    new = "four other words"
    fields = {"current_password": PASSWORD, "new_password": new, "confirm_password": new}
    return people.viewer("vera").post_form("/account/password", **fields)


ACTS: dict[str, Act] = {
    "registering": lambda people: people.visitor().post_form(
        "/register", username="vera", password=PASSWORD, confirm_password=PASSWORD
    ),
    "signing in": lambda people: people.viewer("vera"),
    "failing to sign in": lambda people: people.visitor().post_form("/login", username="vera", password="wrong words"),
    "changing the password": change_password,
    "signing out": lambda people: people.viewer("vera").post_form("/logout", on="/"),
    "applying": lambda people: people.visitor().post_form(
        "/apply",
        email="vera@example.org",
        channel_name="Vera sails",
        slug="vera-sails",
        about="Sailing.",
        links="",
        agree="y",
    ),
}


@pytest.mark.parametrize("act", sorted(ACTS))
def test_no_page_yields_while_it_holds_the_lock(app: Flask, people: People, act: str) -> None:
    with watched(app) as watch:
        answer = ACTS[act](people)
        gevent.sleep(0)
    assert getattr(answer, "status_code", 302) in (200, 302, 401, 403), getattr(answer, "text", "")[:2000]
    assert watch.transactions >= 1, "nothing was written"
    assert watch.offences == []
