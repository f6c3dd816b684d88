"""What stands in the database: to show that something changed nothing, or exactly one thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Table, select

from app.audit.event import AuditEvent
from app.extensions import db

Rows = dict[str, list[str]]


# Any request of somebody signed in may rewrite it, once half a minute is over: a slow machine is no finding.
TIME_ITSELF = ("user_session.last_seen_at",)


def everything(without: Iterable[str] = ()) -> Rows:
    """Every row of every table but those named, as text, sorted; without what the passing of time changes."""
    db.session.rollback()
    tables = [table for table in db.metadata.sorted_tables if table.name not in set(without)]
    return {table.name: sorted(map(repr, db.session.execute(select(*_lasting(table))))) for table in tables}


def _lasting(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if str(column) not in TIME_ITSELF]


def events(*names: str) -> list[AuditEvent]:
    """The audit events of these names (all, if none is given), oldest first, as they stand in the database now."""
    db.session.rollback()
    query = select(AuditEvent).order_by(AuditEvent.id).execution_options(populate_existing=True)
    return list(db.session.scalars(query.where(AuditEvent.event.in_(names)) if names else query))
