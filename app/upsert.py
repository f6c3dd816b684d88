"""INSERT … ON CONFLICT, which SQLite and PostgreSQL both speak but SQLAlchemy keeps in two places."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from app.extensions import db


def insert(model: Any) -> Any:
    """An insert into ``model``'s table that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    dialect = db.session.get_bind().dialect.name
    return postgresql.insert(model) if dialect == "postgresql" else sqlite.insert(model)
