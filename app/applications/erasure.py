"""Forgetting an application: what the applicant told goes, every private link too; how it was decided stays."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import select

from app.applications import letter, link, news, timeline
from app.applications.applicant import withdraw
from app.applications.claim import release
from app.applications.reveal import CLOCKWORK
from app.applications.state import APPROVED, REJECTED, WITHDRAWN
from app.applications.streamer_application import StreamerApplication
from app.audit import history
from app.audit.actor import Actor
from app.audit.event import record
from app.clock import now
from app.extensions import db


def may_be_erased(application: StreamerApplication) -> bool:
    """Whether its applicant may erase it: not while a sign-in waits, which only its page can show."""
    waits = application.creates_account and application.revealed_at is None
    return application.shown_status != APPROVED or not waits


def erase(application: StreamerApplication, actor: Actor) -> None:
    """Empty the row and all that hangs on it. One that waits is withdrawn first. The caller commits.

    The sealed texts, the keyed hashes, the name and the address it asked for, and the links go; dates, decision and
    reference stay, so that figures stay true and a late decision is told what became of it. What the log knows of the
    applicant (address, browser) goes as well; that it happened stays.
    """
    if application.erased_at is not None:
        return
    if application.is_undecided:
        withdraw(application, actor)
    application.email, application.about, application.links_text = "", "", None
    application.public_reason = application.note = None
    application.email_lookup, application.network_lookup = secrets.token_bytes(32), None
    application.channel_name, application.revealed_to = "erased", None
    if application.account_id is None:
        application.slug = ""
    application.erased_at = now()
    db.session.flush()
    link.revoke_all(application)
    letter.forget(application)
    timeline.forget_texts(application)
    release(application)
    history.erase_applicant(application.id)
    timeline.add(application, "erased")
    record("application.erased", actor, target_kind="application", target_id=application.id)
    news.tell(application, "erased")


def erase_overdue(days: int) -> int:
    """Erase what was rejected or withdrawn ``days`` ago, at most 100 at once; how many. The caller commits."""
    overdue = select(StreamerApplication).where(
        StreamerApplication.status.in_((REJECTED, WITHDRAWN)),
        StreamerApplication.erased_at.is_(None),
        StreamerApplication.decided_at <= now() - timedelta(days=days),
    )
    found = db.session.scalars(overdue.order_by(StreamerApplication.id).limit(100)).all()
    for application in found:
        erase(application, CLOCKWORK)
    return len(found)
