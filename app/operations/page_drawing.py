"""Pages are drawn in slices: a line that is said meanwhile does not wait until a whole page is there."""

from __future__ import annotations

import time
from collections.abc import Iterable

import gevent
from flask import Flask

from app import sqlite
from app.extensions import db

SLICE_SECONDS = 0.001


def init_app(app: Flask) -> None:
    """Have the templates of ``app`` drawn so."""
    app.jinja_env.concat = in_slices  # type: ignore[method-assign]  # Jinja joins with "".join, and calls it by this name


def in_slices(parts: Iterable[str]) -> str:
    """Join ``parts`` as they are made; whoever waits has their turn after each millisecond."""
    drawn: list[str] = []
    began = time.monotonic()
    for part in parts:
        drawn.append(part)
        if time.monotonic() - began > SLICE_SECONDS:
            if not sqlite.holds_the_lock(db.session()):  # in one process nobody yields before such a commit
                gevent.sleep(0)
            began = time.monotonic()
    return "".join(drawn)
