"""How Alembic reaches the database and the models: through the app that runs it."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

from app.clock import UtcDateTime
from app.encryption.sealed import Sealed

db = current_app.extensions["migrate"].db


def render_item(kind: str, item: Any, _autogen_context: Any) -> str | bool:
    """Migrations name plain types: they must run whatever becomes of our own classes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Sealed):
        return "sa.Text()"
    return False


def run() -> None:
    """Upgrade or downgrade over the app's own engine."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
