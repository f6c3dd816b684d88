"""The record as JSON Lines: one event a line, oldest first, read page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, select

from app.audit.event import AuditEvent
from app.extensions import db

PAGE = 1000


def lines(*which: ColumnElement[bool]) -> Iterator[str]:
    """The events that fulfil these conditions, each a JSON object with its hash. What was erased is null."""
    after = 0
    query = select(AuditEvent).where(*which).order_by(AuditEvent.id).limit(PAGE)
    while page := db.session.scalars(query.where(AuditEvent.id > after)).all():
        after = page[-1].id
        for event in page:
            yield json.dumps(as_said(event), ensure_ascii=False) + "\n"
        db.session.expunge_all()


def as_said(event: AuditEvent) -> dict[str, Any]:
    """One event for programs: times in ISO 8601 and UTC, hashes in hex."""
    return {
        "id": event.id,
        "at": event.at.isoformat(timespec="microseconds"),
        "event": event.event,
        "actor": event.actor_name,
        "actor_id": event.actor_id,
        "ip": event.ip,
        "user_agent": event.user_agent,
        "target_kind": event.target_kind,
        "target_id": event.target_id,
        "target": event.target_name,
        "details": event.details,
        "hash": event.hash.hex(),
    }
