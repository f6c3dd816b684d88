"""What an applicant does after applying: answer a question, or take the application back."""

from __future__ import annotations

from app.applications import address, claim, news, timeline
from app.applications.refusal import StaleDecision
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.audit.event import record
from app.clock import now


def answer(application: StreamerApplication, actor: Actor, text: str) -> None:
    """Answer what the admins asked; it waits for them again. Raises StaleDecision when nothing is asked."""
    if not application.allows("answer"):
        raise StaleDecision
    application.public_reason = None
    application.move("answer")
    _put_on_record(application, "answered", actor, told=text)


def withdraw(application: StreamerApplication, actor: Actor) -> None:
    """The applicant thinks better of it; the slug is free again. Raises StaleDecision once it is decided."""
    if not application.allows("withdraw"):
        raise StaleDecision
    application.decided_at = now()
    application.move("withdraw")
    address.give_back(application)
    claim.release(application)
    _put_on_record(application, "withdrawn", actor)


def _put_on_record(application: StreamerApplication, step: str, actor: Actor, told: str = "") -> None:
    timeline.add(application, step, told=told)
    record(f"application.{step}", actor, **application.target())
    news.tell(application, step)
