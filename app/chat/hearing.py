"""What this process does when it hears that a channel changed, a message went, or somebody may do more or less."""

from __future__ import annotations

import math
from typing import Any

from flask import current_app

from app import sqlite
from app.auth.announcement import News, announced
from app.auth.user import User
from app.channels.channel import Channel
from app.chat import broadcasts, connections
from app.chat.connections import Connection, Place
from app.chat.description import channel_as_seen, me_as_seen
from app.chat.refusal import MESSAGES
from app.clock import now
from app.encryption.data_key import data_keys
from app.extensions import db

# News that the database has to be asked about: not from inside the commit that announced them.
_to_look_at: list[News] = []
_since = now()

# Columns that clients know by another name.
AS_SEEN = {"slow_mode_seconds": "slow_mode", "live_since": "live"}
NO_MORE = "You may not read this channel any more."
GONE = "This channel was deleted, with everything that was said in it."
WORDS = {
    "unban": ("unbanned", "You may write here again."),
    "member": ("role_changed", "You are a member here now."),
    "moderator": ("role_changed", "You are a moderator here now."),
    "no_moderator": ("role_changed", "You are not a moderator here any more."),
    "no_member": ("role_changed", "You are not a member here any more."),
}


@announced.connect
def _on_news(news: News) -> None:
    if news.kind == "keys_changed":
        data_keys().forget()
        sqlite.owe_an_empty_log()  # a key that was destroyed goes on being readable there
    # On starting, the last minute's news are read again: who is here now came after them and must not be told.
    if news.channel_id is None or news.at < _since:
        return
    if news.kind == "message_deleted":
        broadcasts.message_deleted(news.channel_id, news.details["channel"], news.details["id"])
    elif news.kind == "messages_cleared":
        about = news.details
        whose, why = about.get("username"), about.get("reason", "")
        broadcasts.messages_cleared(news.channel_id, about["channel"], about["up_to"], whose, why)
    elif news.kind == "channel_deleted":
        _empty(news.channel_id, news.details["channel"], news.details["up_to"])
    elif connections.readers(news.channel_id):
        _to_look_at.append(news)
        current_app.extensions["listener"].call()


def look() -> None:
    """Act on what was heard and needs the database. What fails is tried again at the next call."""
    while _to_look_at:
        news = _to_look_at.pop(0)
        try:
            _look_at_channel(news) if news.kind == "channel_changed" else _look_at_account(news)
        except Exception:
            _to_look_at.append(news)
            raise


def _empty(channel_id: int, slug: str, up_to: int) -> None:
    broadcasts.messages_cleared(channel_id, slug, up_to, None)
    for connection in connections.readers(channel_id):
        _show_out(connection, channel_id, "not_found", GONE)


def _look_at_channel(news: News) -> None:
    channel = db.session.get(Channel, news.channel_id)
    here = connections.readers(news.channel_id or 0)
    accounts = {connection.user_id for connection in here if connection.user_id is not None}
    allowed = channel.readers_among(accounts) if channel else set()
    visitors_allowed = channel is not None and channel.may_read(None)
    description = channel_as_seen(channel) if channel else {}
    db.session.rollback()  # from here on nothing yields: what was read still holds
    for connection in here:  # whoever came while the database answered was let in by a newer look than this one
        may_stay = visitors_allowed if connection.user_id is None else connection.user_id in allowed
        if not may_stay:
            _show_out(connection, news.channel_id or 0, "forbidden", NO_MORE)
    if description:
        changed = [AS_SEEN.get(name, name) for name in news.details.get("changed", [])]
        broadcasts.channel_updated(news.channel_id or 0, description, changed)


def _look_at_account(news: News) -> None:
    channel, user = db.session.get(Channel, news.channel_id), db.session.get(User, news.account_id)
    place = connections.place_in(channel, user) if channel and user and channel.may_read(user) else None
    username, slug = (user.username if user else ""), (channel.slug if channel else "")
    db.session.rollback()
    for connection in connections.readers(news.channel_id or 0):
        if connection.user_id != news.account_id:
            continue
        if place is None:
            code = "banned" if news.reason == "ban" else "forbidden"
            _show_out(connection, news.channel_id or 0, code, NO_MORE)
        else:
            _tell(connection, slug, username, place, news.reason)


def _tell(connection: Connection, slug: str, username: str, place: Place, what: str) -> None:
    more: dict[str, Any] = {"channel": slug, "me": me_as_seen(username, place)}
    if restraint := place.held_back_by:
        code = "banned" if restraint.until is None else "timed_out"
        if restraint.until is not None:
            more["retry_after"] = max(1, math.ceil((restraint.until - now()).total_seconds()))
        words = MESSAGES[code] + (f" Reason: {restraint.reason}" if restraint.reason else "")
        broadcasts.notice(connection.sid, code, words, **more)
    elif what in WORDS:
        code, words = WORDS[what]
        broadcasts.notice(connection.sid, code, words, **more)


def _show_out(connection: Connection, channel_id: int, code: str, words: str) -> None:
    slugs = [slug for slug, read_id in connection.reading.items() if read_id == channel_id]
    connections.dismiss(connection, channel_id)
    broadcasts.notice(connection.sid, code, words, channel=slugs[0] if slugs else "")
