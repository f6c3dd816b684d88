"""The generated sign-in of an approved applicant: shown once, expired after a week, issued anew by an admin."""

from __future__ import annotations

import hmac
from datetime import timedelta

from sqlalchemy import select

from app.applications import link, news, timeline
from app.applications.refusal import CannotDecide, NotRevealable, OwnApplication, StaleDecision
from app.applications.state import APPROVED
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.audit.event import record
from app.auth.user import User
from app.clock import now
from app.extensions import db

REVEAL_WITHIN = timedelta(days=7)
AGAIN_WITHIN = timedelta(seconds=60)  # a double click must not lose the password
CLOCKWORK = Actor("streamzy")


def can_reveal(application: StreamerApplication, browser: str | None) -> bool:
    """Whether the sign-in may be generated and shown now, to the browser that holds ``browser`` in its cookie."""
    if (
        application.status != APPROVED
        or application.account_id is None
        or application.reveal_until is None
        or now() >= application.reveal_until
    ):
        return False
    if application.revealed_at is None:
        return True
    again = (
        browser is not None
        and application.revealed_to is not None
        and hmac.compare_digest(application.revealed_to, link.hashed(browser))
    )
    unused = application.account is not None and application.account.last_signed_in_at is None
    return again and unused and now() - application.revealed_at < AGAIN_WITHIN


def reveal(application: StreamerApplication, password_hash: str, browser: str, actor: Actor) -> User:
    """Give the account the password that is being shown. Raises NotRevealable."""
    if not can_reveal(application, browser) or application.account is None:
        raise NotRevealable
    application.account.set_password(password_hash, must_change=True)
    if application.revealed_at is None:
        timeline.add(application, "revealed")
        news.tell(application, "revealed")
    application.revealed_at = application.revealed_at or now()
    application.revealed_to = link.hashed(browser)
    record("application.revealed", actor, **application.target())
    return application.account


def can_reissue(application: StreamerApplication) -> bool:
    """Whether a sign-in can be issued anew: approval made the account, and nobody has signed in to it yet."""
    made = application.account if application.creates_account else None
    return application.allows("reissue") and made is not None and made.last_signed_in_at is None


def reissue(application: StreamerApplication, by: User, actor: Actor, *, version: int) -> None:
    """Let it be revealed once more, within 7 days. Whatever was shown before opens nothing from now on.

    Raises StaleDecision, OwnApplication or CannotDecide: once its owner has signed in, the private link must not be a
    way into the account any more.
    """
    if application.is_own_of(by):
        raise OwnApplication
    if application.version != version or not application.allows("reissue"):
        raise StaleDecision
    if not can_reissue(application) or application.account is None:
        raise CannotDecide("Its owner has signed in already. Reset the password on the account's page instead.")
    application.account.password_hash = None
    application.revealed_at = application.revealed_to = None
    application.reveal_until = now() + REVEAL_WITHIN
    application.move("reissue")
    timeline.add(application, "reissued", by=by)
    record("application.reissued", actor, **application.target())
    news.tell(application, "reissued")


def expire_all() -> int:
    """Turn approved ones whose sign-in nobody fetched in time into expired ones; how many. The caller commits."""
    late = select(StreamerApplication).where(
        StreamerApplication.status == APPROVED,
        StreamerApplication.revealed_at.is_(None),
        StreamerApplication.reveal_until <= now(),
    )
    found = db.session.scalars(late.order_by(StreamerApplication.id).limit(100)).all()
    for application in found:
        application.move("expire")
        timeline.add(application, "expired")
        record("application.expired", CLOCKWORK, **application.target())
        news.tell(application, "expired")
    return len(found)
