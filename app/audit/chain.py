"""Verify the audit chain: what was changed, removed, inserted or cut off is named by its row."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from app.audit.event import GENESIS, AuditEvent, AuditHead
from app.extensions import db

PAGE = 1000


def problems() -> Iterator[str]:
    """Yield one line for each thing that is wrong, first row first; nothing when the chain holds.

    A cut-off end is seen while the head row is whole; somebody who can also rewrite the head, but has no key,
    cannot make it match. Keep anchors outside the database to see that the head itself was turned back.
    """
    # Read first: what is appended while this runs is the next verification's business.
    head = db.session.execute(select(AuditHead.last_id, AuditHead.last_hash)).first()
    expected_id, previous = 1, GENESIS
    for row in _rows(head.last_id if head else 0):
        if row.id != expected_id:
            yield (
                f"row {expected_id} is missing"
                if row.id == expected_id + 1
                else f"rows {expected_id} to {row.id - 1} are missing"
            )
        elif row.previous_hash != previous:
            yield f"row {row.id} does not follow the row before it"
        if row.hash != row.expected_hash():
            yield f"row {row.id} was changed"
        elif row.salt is not None and row.personal_digest != row.expected_personal_digest():
            yield f"row {row.id}: who, from where or on what was changed"
        expected_id, previous = row.id + 1, row.hash
    if head is None or tuple(head) != (expected_id - 1, previous):
        said = head.last_id if head else "missing"
        yield f"the end was cut off: row {expected_id - 1} is the last one here, the log's head says {said}"


def length() -> int:
    """Number of the last event."""
    return db.session.scalar(select(AuditHead.last_id).where(AuditHead.id == 1)) or 0


def _rows(last_id: int) -> Iterator[AuditEvent]:
    after = 0
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


def end_holds() -> bool:
    """Whether the newest row is what the head says and was not changed: cheap enough for every page."""
    head = db.session.get(AuditHead, 1)
    if head is None:
        return False
    if head.last_id == 0:
        return True
    row = db.session.get(AuditEvent, head.last_id)
    return row is not None and row.hash == head.last_hash == row.expected_hash()
