"""The socket door of moderation, and of who is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.auth.session import UserSession
from app.channels.policy import Acting, NotAllowed
from app.chat import connections, moderation, payload, presence
from app.chat.connections import Connection
from app.chat.moderation import Rest, finish
from app.chat.refusal import Refused
from app.chat.socket_events import event, find
from app.extensions import db
from app.security.rate_limits import spend

MOST_PEOPLE = 500


def _delete(acting: Acting, data: dict[str, Any]) -> None:
    moderation.delete(acting, _number(data, "id", 1))


def _timeout(acting: Acting, data: dict[str, Any]) -> Rest:
    seconds = _number(data, "seconds", moderation.SHORTEST_TIMEOUT, moderation.LONGEST_TIMEOUT)
    purge = payload.switch(data, "purge", default=False)
    return moderation.timeout(acting, _username(data), seconds, _reason(data), purge=purge)


def _ban(acting: Acting, data: dict[str, Any]) -> Rest:
    purge = payload.switch(data, "purge", default=False)
    return moderation.ban(acting, _username(data), _reason(data), purge=purge)


def _unban(acting: Acting, data: dict[str, Any]) -> None:
    moderation.unban(acting, _username(data), _reason(data))


def _clear(acting: Acting, _data: dict[str, Any]) -> Rest:
    return moderation.clear(acting)


def _slow(acting: Acting, data: dict[str, Any]) -> None:
    moderation.slow(acting, _number(data, "seconds", 0, moderation.LONGEST_SLOW_MODE))


def _members_only(acting: Acting, data: dict[str, Any]) -> None:
    moderation.members_only(acting, payload.switch(data, "on"))


ACTIONS: dict[str, Callable[[Acting, dict[str, Any]], Rest | None]] = {
    "delete": _delete,
    "timeout": _timeout,
    "ban": _ban,
    "unban": _unban,
    "clear": _clear,
    "slow": _slow,
    "members_only": _members_only,
}


@event("moderate", gate="who may moderate the channel")
def on_moderate(connection: Connection, data: dict[str, Any]) -> dict[str, Any]:
    """Act on a message, a person or a mode. Answered once it is done; every act and every refused one is on record."""
    if connection.user_id is None:
        raise Refused("not_signed_in")
    action = ACTIONS.get(payload.text(data, "action", 20))
    if action is None:
        raise Refused("bad_request", f"action must be one of {', '.join(ACTIONS)}.")
    spend("moderation", f"account:{connection.user_id}")
    acting = _acting(connection, data)
    try:
        rest = action(acting, data)
        db.session.commit()
    except NotAllowed as attempt:
        db.session.rollback()
        attempt.put_on_record()
        db.session.commit()
        raise Refused("forbidden") from None
    finish(rest)
    return {}


@event("people", gate="who may read the channel")
def on_people(connection: Connection, data: dict[str, Any]) -> dict[str, Any]:
    """Who reads the channel: accounts by name, and how many visitors."""
    spend("history", connection.person)
    _, _, channel = find(connection, data)
    here = connections.readers(channel.id)
    named_here = {reader.user_id for reader in here if reader.user_id is not None}
    accounts = sorted(named_here | presence.accounts_elsewhere(channel.id))[:MOST_PEOPLE]
    named = sorted(channel.with_badges(accounts), key=lambda one: (not one[1], one[0].username_key))
    people = [{"username": user.username, "badges": badges} for user, badges in named]
    db.session.commit()
    visitors = sum(1 for reader in here if reader.user_id is None) + presence.visitors_elsewhere(channel.id)
    return {"people": people, "visitors": visitors}


def _acting(connection: Connection, data: dict[str, Any]) -> Acting:
    user, _, channel = find(connection, data)
    session = db.session.get(UserSession, connection.session_id)
    if user is None or user.is_disabled or session is None or session.ended_at is not None:
        raise Refused("not_signed_in")  # it ended in another process, and this socket is about to be cut
    return Acting(user, channel, connection.actor)


def _username(data: dict[str, Any]) -> str:
    return payload.text(data, "username", 64)


def _reason(data: dict[str, Any]) -> str:
    return payload.words(data, "reason", moderation.LONGEST_REASON)


def _number(data: dict[str, Any], name: str, least: int, most: int = payload.LARGEST_ID) -> int:
    found = payload.number(data, name, least=least, most=most)
    if found is None:
        raise Refused("bad_request", f"{name} must be a whole number from {least} to {most}.")
    return found
