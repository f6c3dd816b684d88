"""What the overview shows: put together from what the nouns answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app, url_for
from sqlalchemy import func, select

from app.admin import charts
from app.applications.state import PENDING
from app.applications.streamer_application import StreamerApplication
from app.audit import chain
from app.audit.event import AuditEvent
from app.auth import lockout
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import now
from app.extensions import db


def overview() -> dict[str, Any]:
    """Everything on /admin/."""
    events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(10)).all()
    return {
        "todo": _todo(),
        "counts": {
            "applications_pending": StreamerApplication.count(PENDING),
            "channels": db.session.scalar(select(func.count()).select_from(Channel)),
            "accounts": User.count(),
            "messages": db.session.scalar(select(func.coalesce(func.sum(Channel.last_message_id), 0))),
            "failed_sign_ins": _failed_sign_ins(),
        },
        "charts": charts.last_days(),
        "events": events,
        "chain": {"ok": chain.end_holds(), "last_id": chain.length()},
    }


def _todo() -> list[dict[str, str]]:
    todo = []
    oldest = StreamerApplication.oldest_waiting()
    if oldest:
        number = StreamerApplication.count(PENDING)
        todo.append(
            {
                "icon": "user",
                "title": f"{number} application waits for an answer"
                if number == 1
                else f"{number} applications wait for an answer",
                "detail": f"The oldest for {_age(oldest)}",
                "url": url_for("admin.applications"),
                "action": "Review",
            }
        )
    for user in db.session.scalars(select(User).where(User.role == "admin", User.disabled_at.is_(None))):
        if lockout.locked_until(user.id):
            todo.append(
                {
                    "icon": "lock",
                    "title": f"{user.username} is locked",
                    "detail": "After too many wrong passwords or codes. A lock ends by itself",
                    "url": url_for("admin.user", id=user.id),
                    "action": "Look",
                }
            )
    if not chain.end_holds():
        todo.append(
            {
                "icon": "alert",
                "title": "The audit log does not add up",
                "detail": "Its newest row was changed or removed. Run: flask audit verify",
                "url": url_for("operations.security"),
                "action": "What this means",
            }
        )
    if not current_app.config["STREAMZY"].security_contact:
        todo.append(
            {
                "icon": "shield",
                "title": "Nobody is named for security reports",
                "detail": "Set SECURITY_CONTACT, so that whoever finds a hole can tell you",
                "url": url_for("operations.security"),
                "action": "Look",
            }
        )
    return todo


def _failed_sign_ins() -> int:
    since = now() - timedelta(days=1)
    return db.session.scalar(select(func.count()).where(AuditEvent.event == "login.failed", AuditEvent.at > since)) or 0


def _age(application: StreamerApplication) -> str:
    hours = int((now() - application.submitted_at).total_seconds() // 3600)
    return f"{hours} h" if hours else "less than an hour"
