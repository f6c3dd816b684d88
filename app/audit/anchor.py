"""Anchors: the end of the log as it was, kept outside the database. Who puts back an old copy of all of it is seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select

from app.audit.event import AuditEvent
from app.clock import now
from app.extensions import db


def take() -> dict[str, Any] | None:
    """The newest row's number and hash, and the time (ISO 8601, UTC); None while nothing is recorded."""
    newest = db.session.execute(select(AuditEvent.id, AuditEvent.hash).order_by(AuditEvent.id.desc()).limit(1)).first()
    if newest is None:
        return None
    return {"at": now().isoformat(timespec="seconds"), "row": newest.id, "hash": newest.hash.hex()}


def problems(anchors: Iterable[str]) -> Iterator[str]:
    """One line for each anchor, given as lines of JSON, that the log does not bear out."""
    for number, line in enumerate(anchors, start=1):
        try:
            anchor = json.loads(line)
            row, expected, at = int(anchor["row"]), str(anchor["hash"]), str(anchor["at"])
        except (ValueError, KeyError, TypeError):
            yield f"anchor {number} cannot be read"
            continue
        found = db.session.scalar(select(AuditEvent.hash).where(AuditEvent.id == row))
        if found is None:
            yield f"row {row}, which was the last one on {at}, is gone"
        elif found.hex() != expected:
            yield f"row {row} is not the one that was the last on {at}"
