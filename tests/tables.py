"""What stands in the database: to show that something changed nothing, or exactly one thing."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from app.audit.event import AuditEvent
from app.extensions import db

Rows = dict[str, list[str]]


def everything(without: Iterable[str] = ()) -> Rows:
    """Every row of every table but those named, as text, sorted."""
    db.session.rollback()
    tables = [table for table in db.metadata.sorted_tables if table.name not in set(without)]
    return {table.name: sorted(map(repr, db.session.execute(select(table)))) for table in tables}


def events(*names: str) -> list[AuditEvent]:
    """The audit events of these names (all, if none is given), oldest first, as they stand in the database now."""
    db.session.rollback()
    query = select(AuditEvent).order_by(AuditEvent.id).execution_options(populate_existing=True)
    return list(db.session.scalars(query.where(AuditEvent.event.in_(names)) if names else query))
