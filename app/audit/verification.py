"""The whole chain verified at an admin's wish, a page at a time beside the chat; how it ended is in the log itself."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import gevent
from flask import Flask

from app.audit import chain
from app.audit.actor import Actor
from app.audit.event import record
from app.clock import now
from app.encryption import key_work
from app.encryption.key_work import KeyWork
from app.extensions import db

NOTE_EVERY_SECONDS = 0.5
GIVEN_UP_AFTER = timedelta(seconds=30)
NAMED = 5  # what is wrong is named in the event, but no more than fits
log = logging.getLogger(__name__)


def latest() -> KeyWork | None:
    """The one under way, else the last one."""
    return KeyWork.latest(key_work.AUDIT)


def is_under_way(work: KeyWork | None) -> bool:
    """Whether somebody is at it: one whose process ended is not waited for."""
    return work is not None and work.finished_at is None and work.updated_at > now() - GIVEN_UP_AFTER


def begin() -> KeyWork | None:
    """Add one to the session, or None while one is under way; the caller commits, and starts it."""
    return None if is_under_way(latest()) else KeyWork.begin(key_work.AUDIT, chain.length())


def start(app: Flask, work_id: int, actor: Actor) -> None:
    """Verify in the background of this process; returns at once."""
    app.extensions["audit_verification"] = gevent.spawn(_run, app, work_id, actor)


def _run(app: Flask, work_id: int, actor: Actor) -> None:
    with app.app_context():
        try:
            _verify(work_id, actor)
        except Exception:
            log.exception("the audit log was not verified to its end")


def _verify(work_id: int, actor: Actor) -> None:
    noted_at, noted = time.monotonic(), 0

    def turn(row_id: int) -> None:
        nonlocal noted_at, noted
        db.session.rollback()  # nothing stays open while the others have their turn
        if (passed := time.monotonic() - noted_at) > NOTE_EVERY_SECONDS:
            db.session.get_one(KeyWork, work_id).note(row_id, (row_id - noted) / passed)
            db.session.commit()
            noted_at, noted = time.monotonic(), row_id
        gevent.sleep(0)

    found = list(chain.problems(turn))
    work = db.session.get_one(KeyWork, work_id)
    work.done, work.unreadable = work.total, len(found)
    work.finish()
    record("audit.verified", actor, rows=work.total, problems=len(found), first=found[:NAMED])
    db.session.commit()
