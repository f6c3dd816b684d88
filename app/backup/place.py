"""Another database than the app's, looked at with the app's own models: one that was just restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from flask import current_app
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from app import sqlite
from app.encryption.data_key import DataKeys, data_keys
from app.extensions import db


@contextmanager
def looking_at(url: str) -> Iterator[Engine]:
    """Have models, ``db.session`` and migrations work on the database at ``url`` meanwhile."""
    engine = create_engine(url, poolclass=NullPool, connect_args=_connect_args(url))
    if engine.dialect.name == "sqlite":
        sqlite.prepare(engine)
    engines = cast(dict[str | None, Engine], db.engines)
    own_engine, own_keys = engines[None], data_keys()
    db.session.remove()
    # Data keys that were unwrapped belong to the rows of one database.
    engines[None], current_app.extensions["data_keys"] = engine, DataKeys(own_keys.ring)
    try:
        yield engine
    finally:
        db.session.remove()
        engine.dispose()
        engines[None], current_app.extensions["data_keys"] = own_engine, own_keys
        own_keys.forget()


def _connect_args(url: str) -> dict[str, Any]:
    return dict(sqlite.CONNECT_ARGS) if url.startswith("sqlite") else {}
