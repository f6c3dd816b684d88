"""A duty: work that comes round by itself, done by one worker at a time however many there are.

    @duty("message_retention", every=timedelta(hours=1))
    def retire() -> Iterator[object]:
        ...
        yield  # what was done so far is committed, and the lease renewed

A lease in the database says who is at it. Whoever is killed in the middle is relieved by another once it has run out,
so a duty must be harmless to repeat.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import gevent
from flask import Flask
from sqlalchemy import String, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.extensions import Base, db
from app.upsert import insert

LOOK_SECONDS = 5
LEASE = timedelta(seconds=60)
AGAIN_AFTER_FAILURE = timedelta(minutes=1)
log = logging.getLogger(__name__)

Run = Callable[[], Iterable[object]]


@dataclass(frozen=True)
class Duty:
    """What is to be done, and how long after it was done last."""

    name: str
    every: timedelta
    run: Run


DUTIES: dict[str, Duty] = {}


def duty(name: str, *, every: timedelta) -> Callable[[Run], Run]:
    """Have the decorated generator run once in ``every``. It commits by yielding, and needs no visitor."""

    def register(run: Run) -> Run:
        DUTIES[name] = Duty(name, every, run)
        return run

    return register


class DutyRow(Base):
    """When a duty is due, and who is at it."""

    __tablename__ = "duty"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    held_by: Mapped[str] = mapped_column(String(16), default="", comment="random: one run of one worker")
    held_until: Mapped[datetime] = mapped_column(UtcDateTime)


def perform(one: Duty) -> bool:
    """Do ``one`` if it is due and nobody is at it; returns whether it was done. Raises whatever it raises."""
    holder = _take(one)
    if holder is None:
        return False
    next_at = now() + AGAIN_AFTER_FAILURE
    try:
        for _ in one.run():
            if not _hold(one, holder, until=now() + LEASE):
                db.session.rollback()  # we were so slow that somebody else took over
                return False
            db.session.commit()
            gevent.sleep(0)
        db.session.commit()
        next_at = now() + one.every
    finally:
        db.session.rollback()
        _hold(one, holder, until=now(), due_at=next_at)
        db.session.commit()
    return True


def _take(one: Duty) -> str | None:
    moment, holder = now(), secrets.token_hex(8)
    row = db.session.execute(select(DutyRow.due_at, DutyRow.held_until).where(DutyRow.name == one.name)).first()
    db.session.rollback()
    # What is further away than it could have been put was put there before the clock was set back.
    last_due, last_held = moment + max(one.every, AGAIN_AFTER_FAILURE), moment + LEASE
    if row is not None and (moment < row.due_at <= last_due or moment < row.held_until <= last_held):
        return None  # mostly: nothing is written to find that out
    if row is None:
        fresh = {"name": one.name, "due_at": moment, "held_by": "", "held_until": moment}
        db.session.execute(insert(DutyRow).values(fresh).on_conflict_do_nothing())
    due = or_(DutyRow.due_at <= moment, DutyRow.due_at > last_due)
    free = (DutyRow.name == one.name, due, or_(DutyRow.held_until <= moment, DutyRow.held_until > last_held))
    take = update(DutyRow).where(*free).values(held_by=holder, held_until=moment + LEASE)
    taken = db.session.scalar(take.returning(DutyRow.name))
    db.session.commit()
    return holder if taken else None


def _hold(one: Duty, holder: str, *, until: datetime, **more: datetime) -> bool:
    held = update(DutyRow).where(DutyRow.name == one.name, DutyRow.held_by == holder)
    return db.session.scalar(held.values(held_until=until, **more).returning(DutyRow.name)) is not None


def perform_for_ever(app: Flask) -> None:
    """Look every five seconds for what is due; returns at once, a greenlet does it."""
    gevent.spawn(_perform_for_ever, app)


def _perform_for_ever(app: Flask) -> None:
    while True:
        gevent.sleep(LOOK_SECONDS)
        for one in DUTIES.values():
            try:
                with app.app_context():
                    perform(one)
            except Exception:
                log.exception("the duty %s was not done", one.name)
