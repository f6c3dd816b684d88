"""Verify the audit chain: what was changed, removed, inserted or cut off is named by its row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import select

from app.audit.event import GENESIS, AuditEvent, AuditHead, link
from app.extensions import db

PAGE = 250  # verified before the others in this process have their turn
LOWEST_ID = -(2**63)  # a row that was put in may have any number


def problems(turn: Callable[[int], object] = lambda _: None) -> Iterator[str]:
    """Yield one line for each thing that is wrong, first row first; nothing when the chain holds.

    A cut-off end is seen even if the head was rewritten to fit: without the key nobody knows what it would have to
    say. Only who puts back an old copy of the whole log is not found out: keep anchors outside the database for that.
    ``turn`` is called after each page, with the number of its last row.
    """
    # Read first: what is appended while this runs is the next verification's business.
    head = db.session.execute(select(AuditHead.last_id, AuditHead.last_hash)).first()
    expected_id, end_mark = 1, GENESIS
    for row in _rows(head.last_id if head else 0, turn):
        if row.id < expected_id:
            yield f"row {row.id} was put in before the first one"
            continue
        if row.id != expected_id:
            yield (
                f"row {expected_id} is missing"
                if row.id == expected_id + 1
                else f"rows {expected_id} to {row.id - 1} are missing"
            )
        elif row.previous_hash != link(end_mark):
            yield f"row {row.id} does not follow the row before it"
        if not row.is_as_written():
            yield f"row {row.id} was changed"
        elif not row.personal_is_as_written():
            yield f"row {row.id}: who, from where or on what was changed"
        expected_id, end_mark = row.id + 1, _end_mark(row)
    if head is None or tuple(head) != (expected_id - 1, end_mark):
        said = head.last_id if head else "missing"
        yield f"the end was cut off: row {expected_id - 1} is the last one here, the log's head says {said}"
    for number in _beyond_the_head():
        yield f"row {number} was put in after the last one"


def length() -> int:
    """Number of the last event."""
    return db.session.scalar(select(AuditHead.last_id).where(AuditHead.id == 1)) or 0


def _rows(last_id: int, turn: Callable[[int], object]) -> Iterator[AuditEvent]:
    after = LOWEST_ID
    while True:
        page = db.session.scalars(
            select(AuditEvent)
            .where(AuditEvent.id > after, AuditEvent.id <= last_id)
            .order_by(AuditEvent.id)
            .limit(PAGE)
        ).all()
        if not page:
            return
        yield from page
        after = page[-1].id
        db.session.expunge_all()
        turn(after)


def _beyond_the_head() -> list[int]:
    # One statement, so that it sees the head and the rows of one moment.
    last = select(AuditHead.last_id).scalar_subquery()
    return list(db.session.scalars(select(AuditEvent.id).where(AuditEvent.id > last).order_by(AuditEvent.id)))


def _end_mark(row: AuditEvent) -> bytes:
    try:
        return row.end_mark()
    except LookupError:  # it names a key that does not exist, which was said already
        return b""


def end_holds() -> bool:
    """Whether the newest row is what the head says and was not changed: cheap enough for every page."""
    head = db.session.get(AuditHead, 1)
    if head is None:
        return False
    newest = db.session.scalar(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1))
    if head.last_id == 0 or newest is None:
        return head.last_id == 0 and newest is None
    return newest.id == head.last_id and newest.is_as_written() and head.last_hash == newest.end_mark()
