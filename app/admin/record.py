"""What the page of the audit log shows: events, newest first, narrowed by kind, time, and who or what they name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.admin import listing
from app.admin.listing import Choice, Listing
from app.audit import chain
from app.audit.event import AuditEvent
from app.audit.vocabulary import EVENTS
from app.clock import now

KINDS = {kind: kind.replace("_", " ").capitalize() for kind in sorted({event.partition(".")[0] for event in EVENTS})}
KIND = Choice("kind", "Kind", {"": "Any", **KINDS})
DAYS = {"1": 1, "7": 7, "30": 30}
TIME = Choice("days", "Time", {"": "Ever", "1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"})


def asked(arguments: Any) -> Listing | None:
    """Which events the query of the page's address asks for, or None when it makes no sense."""
    return listing.asked("admin.audit_log", arguments, KIND, TIME)


def listed(which: Listing) -> dict[str, Any]:
    """One page of events, and whether the chain's end holds."""
    matching = conditions(which)
    rows = select(AuditEvent).where(*matching).order_by(AuditEvent.id.desc())
    found = which.found(rows, select(func.count(AuditEvent.id)).where(*matching))
    events = [event for (event,) in found["rows"]]
    return {**found, "events": events, "chain": {"ok": chain.end_holds(), "last_id": chain.length()}}


def conditions(which: Listing) -> list[ColumnElement[bool]]:
    """What an event must fulfil."""
    found: list[ColumnElement[bool]] = []
    if kind := which["kind"]:
        found.append(AuditEvent.event.in_([event for event in EVENTS if event.partition(".")[0] == kind]))
    if which["days"]:
        found.append(AuditEvent.at > now() - timedelta(days=DAYS[which["days"]]))
    if text := which.text.lower():
        named = (AuditEvent.actor_name, AuditEvent.target_name, AuditEvent.event, AuditEvent.ip)
        found.append(or_(*(func.lower(column).contains(text, autoescape=True) for column in named)))
    return found
