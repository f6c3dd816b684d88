"""Admins with the queue of applications open hear at once what happens to it: that it did, never what was told.

What is new is on the page; this only says that there is something. News of other processes come through the listener.
"""

from __future__ import annotations

from typing import Any

from flask_socketio import join_room

from app.auth.announcement import News, announced
from app.auth.user import User
from app.chat import broadcasts
from app.chat.connections import Connection
from app.chat.refusal import Refused
from app.chat.socket_events import event
from app.clock import now
from app.extensions import db
from app.security.rate_limits import spend

_since = now()


@event("review", gate="admins")
def on_review(connection: Connection, _data: dict[str, Any]) -> dict[str, Any]:
    """Hear of applications from now on. Whoever stops being an admin is signed out, and this socket cut."""
    spend("joins", connection.address)
    user = db.session.get(User, connection.user_id) if connection.user_id is not None else None
    if user is None or not user.is_admin:
        raise Refused("forbidden" if user else "not_signed_in")
    db.session.rollback()
    join_room(broadcasts.REVIEW_ROOM)
    return {}


@announced.connect
def _on_news(news: News) -> None:
    # On starting, the last minute's news are read again: nobody here is waiting for them.
    if news.kind == "application_changed" and news.at >= _since:
        broadcasts.application_changed(news.details)
