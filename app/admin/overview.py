"""What the overview shows: put together from what the nouns answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, url_for
from sqlalchemy import func, select

from app.admin import accounts, charts
from app.applications import letter
from app.applications.streamer_application import StreamerApplication, Waiting
from app.audit import chain
from app.audit.event import AuditEvent
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import now
from app.extensions import db
from app.operations import doctor

AGEING = timedelta(days=3)


def overview() -> dict[str, Any]:
    """Everything on /admin/."""
    waiting = StreamerApplication.waiting(now() - AGEING)
    events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(10)).all()
    return {
        "todo": [*_waiting(waiting), *_locked(), *_blocked(), *_out_of_order()],
        "counts": {
            "applications_pending": waiting.number,
            "channels": db.session.scalar(select(func.count()).select_from(Channel)),
            "accounts": User.count(),
            "messages": db.session.scalar(select(func.coalesce(func.sum(Channel.last_message_id), 0))),
            "failed_sign_ins": _last_day("login.failed"),
        },
        "charts": charts.last_days(),
        "events": events,
        "chain": {"ok": chain.end_holds(), "last_id": chain.length()},
    }


def _waiting(waiting: Waiting) -> Iterator[dict[str, str]]:
    if waiting.since is None:
        return
    one = waiting.number == 1
    yield {
        "icon": "user",
        "title": "1 application waits for an answer" if one else f"{waiting.number} applications wait for an answer",
        "detail": f"The oldest for {_age(waiting.since)}",
        "url": url_for("admin.applications"),
        "action": "Review",
    }
    if waiting.late:
        have = "has" if waiting.late == 1 else "have"
        yield {
            "icon": "clock",
            "title": f"{waiting.late} of them {have} waited for over {AGEING.days} days",
            "detail": "Applicants see on their page that nobody has answered yet",
            "url": url_for("admin.applications", age=AGEING.days),
            "action": "Show",
        }


def _locked() -> Iterator[dict[str, str]]:
    """Admins by name, all others as a number: a stranger who locks a hundred accounts must not bury the rest."""
    others = 0
    for id_, username, role in accounts.locked():
        if role != "admin":
            others += 1
            continue
        yield {
            "icon": "lock",
            "title": f"{username} is locked",
            "detail": "After too many wrong passwords or codes. A lock ends by itself",
            "url": url_for("admin.user", id=id_),
            "action": "Look",
        }
    if others:
        yield {
            "icon": "lock",
            "title": f"{others} {'account is' if others == 1 else 'accounts are'} locked",
            "detail": "After too many wrong passwords or codes. Many at once: somebody is guessing",
            "url": url_for("admin.users", state="locked"),
            "action": "Show",
        }


def _blocked() -> Iterator[dict[str, str]]:
    number = _last_day("input.blocked")
    if number:
        yield {
            "icon": "alert",
            "title": f"{number} {'text was' if number == 1 else 'texts were'} blocked in 24 hours",
            "detail": "They looked like an attack, and are stored nowhere. The audit log says whose",
            "url": url_for("admin.audit_log", kind="input", days=1),
            "action": "The log",
        }


def _out_of_order() -> Iterator[dict[str, str]]:
    if lost := letter.given_up():
        yield {
            "icon": "alert",
            "title": f"{lost} {'letter' if lost == 1 else 'letters'} to applicants could not be mailed",
            "detail": "Their private pages say the same, for whoever kept the link",
            "url": url_for("admin.letters"),
            "action": "Look",
        }
    if not chain.end_holds():
        yield {
            "icon": "alert",
            "title": "The audit log does not add up",
            "detail": "Its newest row was changed or removed. Run: flask audit verify",
            "url": url_for("operations.security"),
            "action": "What this means",
        }
    if not current_app.config["STREAMZY"].security_contact:
        yield {
            "icon": "shield",
            "title": "Nobody is named for security reports",
            "detail": "Set SECURITY_CONTACT, so that whoever finds a hole can tell you",
            "url": url_for("operations.security"),
            "action": "Look",
        }
    failed = [check for check in doctor.examined_lately(current_app.config["STREAMZY"]) if check.status == "fail"]
    for check in failed:
        yield {
            "icon": "alert",
            "title": f"A check failed: {check.name}",
            "detail": " ".join(filter(None, (check.sentence, check.hint, "Run: flask doctor"))),
            "url": url_for("operations.security"),
            "action": "What is checked",
        }


def _last_day(event: str) -> int:
    since = now() - timedelta(days=1)
    return db.session.scalar(select(func.count()).where(AuditEvent.event == event, AuditEvent.at > since)) or 0


def _age(since: datetime) -> str:
    hours = int((now() - since).total_seconds() // 3600)
    return f"{hours} h" if hours else "less than an hour"
