"""What is kept about one account, but for its messages, as its owner takes it along."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.applications.streamer_application import StreamerApplication
from app.auth.session import UserSession
from app.auth.user import User
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.sanction import Sanction
from app.extensions import db


def collected(user: User) -> dict[str, Any]:
    """The account, its channel, where it is a member or was banned, its sessions, and the applications it sent."""
    channel = Channel.of(user)
    return {
        "account": {
            "username": user.username,
            "role": user.role,
            "created_at": _iso(user.created_at),
            "last_signed_in_at": _iso(user.last_signed_in_at),
            "password_changed_at": _iso(user.password_changed_at),
        },
        "channel": _channel(channel) if channel else None,
        "memberships": [_membership(row) for row in _memberships(user)],
        "sanctions": [_sanction(row.Sanction, row.slug) for row in _sanctions(user)],
        "sessions": [_session(session) for session in _sessions(user)],
        "applications": [_application(application) for application in StreamerApplication.of_account(user.id)],
    }


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "slug": channel.slug,
        "title": channel.title,
        "description": channel.description,
        "rules": channel.rules,
        "stream_url": channel.stream_url,
        "retention_days": channel.retention_days,
        "access": channel.access,
        "created_at": _iso(channel.created_at),
    }


def _memberships(user: User) -> list[Any]:
    places = select(Channel.slug, Membership.role, Membership.added_at).join(
        Membership, Membership.channel_id == Channel.id
    )
    return list(db.session.execute(places.where(Membership.account_id == user.id).order_by(Channel.slug)))


def _membership(row: Any) -> dict[str, Any]:
    return {"channel": row.slug, "role": row.role, "since": _iso(row.added_at)}


def _sanctions(user: User) -> list[Any]:
    held = select(Sanction, Channel.slug).join(Channel, Channel.id == Sanction.channel_id)
    return list(db.session.execute(held.where(Sanction.account_id == user.id).order_by(Sanction.id)))


def _sanction(sanction: Sanction, slug: str) -> dict[str, Any]:
    return {
        "channel": slug,
        "kind": sanction.kind,
        "reason": sanction.stated_reason,
        "since": _iso(sanction.created_at),
        "until": _iso(sanction.until),
        "lifted_at": _iso(sanction.lifted_at),
    }


def _sessions(user: User) -> list[UserSession]:
    return list(
        db.session.scalars(select(UserSession).where(UserSession.account_id == user.id).order_by(UserSession.id))
    )


def _session(session: UserSession) -> dict[str, Any]:
    return {
        "began_at": _iso(session.created_at),
        "last_seen_at": _iso(session.last_seen_at),
        "ended_at": _iso(session.ended_at),
        "ended_because": session.end_reason or None,
        "address": session.ip,
        "browser": session.user_agent,
    }


def _application(application: StreamerApplication) -> dict[str, Any]:
    return {
        "reference": application.reference,
        "status": application.status,
        "address": application.slug,
        "channel_name": application.channel_name,
        "email": application.email,
        "about": application.about,
        "links": application.links,
        "answer": application.public_reason,
        "submitted_at": _iso(application.submitted_at),
        "decided_at": _iso(application.decided_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
