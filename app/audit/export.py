"""The record for programs and spreadsheets: one event a line, oldest first, read page by page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, select

from app import spreadsheet
from app.audit.event import AuditEvent
from app.extensions import db

PAGE = 1000
COLUMNS = (
    *("id", "at", "event", "actor", "actor_id", "ip", "user_agent"),
    *("target_kind", "target_id", "target", "details", "hash"),
)


def as_jsonl(*which: ColumnElement[bool]) -> Iterator[str]:
    """The events that fulfil these conditions, each a JSON object with its hash. What was erased is null."""
    for event in _events(which):
        yield json.dumps(as_said(event), ensure_ascii=False) + "\n"


def as_csv(*which: ColumnElement[bool]) -> Iterator[str]:
    """The same for spreadsheets: a heading, and a row for each, in which no cell is a formula. Details are JSON."""
    yield spreadsheet.row(*COLUMNS)
    for event in _events(which):
        said = as_said(event)
        details = said["details"]
        said["details"] = json.dumps(details, ensure_ascii=False) if details else None
        yield spreadsheet.row(*("" if said[name] is None else str(said[name]) for name in COLUMNS))


FORMATS: dict[str, tuple[str, Callable[..., Iterator[str]]]] = {
    "jsonl": ("application/jsonl", as_jsonl),
    "csv": ("text/csv", as_csv),
}


def _events(which: tuple[ColumnElement[bool], ...]) -> Iterator[AuditEvent]:
    after = 0
    query = select(AuditEvent).where(*which).order_by(AuditEvent.id).limit(PAGE)
    while page := db.session.scalars(query.where(AuditEvent.id > after)).all():
        after = page[-1].id
        yield from page
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
