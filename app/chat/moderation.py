"""Moderating: what moderators do to messages, to people and to the channel's modes. Every act is on record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import gevent

from app.auth.announcement import announce
from app.auth.user import User
from app.channels.policy import OWN_MESSAGE_WITHIN, Acting
from app.channels.sanction import BAN, Sanction
from app.chat import erasure
from app.chat.message import Message
from app.chat.refusal import Refused
from app.clock import now
from app.extensions import db

SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 10, 14 * 24 * 3600
LONGEST_SLOW_MODE = 300
LONGEST_REASON = 300

# What is left to remove after the act's own transaction, batch by batch: see finish().
Rest = Iterator[int]


def finish(rest: Rest | None) -> None:
    """Remove what an act left to remove, once it is committed; between two batches others get their turn."""
    for _ in rest or ():
        db.session.commit()
        gevent.sleep(0)


def delete(acting: Acting, message_id: int) -> None:
    """Remove one message. Raises Refused when there is none, NotAllowed. One that is gone already stays gone."""
    message = db.session.get(Message, (acting.channel.id, message_id))
    if message is None:
        raise Refused("not_found", "There is no such message.")
    own = message.author_id == acting.user.id
    author = db.session.get_one(User, message.author_id)
    acting.require("delete", author, fresh=own and now() - message.sent_at <= OWN_MESSAGE_WITHIN)
    if message.deleted_at is not None:
        return
    erasure.erase(acting.channel, erasure.candidates(acting.channel, up_to=message_id, most=1), acting.user)
    acting.note("message.deleted", author, message=message_id)
    about = {"channel": acting.channel.slug, "id": message_id}
    announce("message_deleted", channel_id=acting.channel.id, details=about)


def timeout(acting: Acting, username: str, seconds: int, reason: str = "", *, purge: bool = False) -> Rest:
    """Keep somebody from writing for ``seconds``; it takes the place of an older one. Raises Refused, NotAllowed."""
    target = _named(username)
    acting.require("timeout", target)
    if Sanction.bans(acting.channel.id, target.id):
        raise Refused("bad_request", f"{target.username} is banned here: that is more than a timeout.")
    until = now() + timedelta(seconds=seconds)
    Sanction.impose(acting.channel.id, target, acting.user, until=until, reason=reason)
    # The reason is sealed with the sanction. The log is kept longer and exported: it says only that there was one.
    acting.note("member.timed_out", target, seconds=seconds, reason_given=bool(reason), purged=purge)
    acting.tell_account(target, "timeout")
    return _purge(acting, target) if purge else iter(())


def ban(acting: Acting, username: str, reason: str = "", *, purge: bool = False) -> Rest:
    """Keep somebody from writing for good. Who is banned already stays so. Raises Refused, NotAllowed."""
    target = _named(username)
    acting.require("ban", target)
    if not Sanction.bans(acting.channel.id, target.id):
        Sanction.impose(acting.channel.id, target, acting.user, until=None, reason=reason)
        acting.note("member.banned", target, reason_given=bool(reason), purged=purge)
        acting.tell_account(target, BAN)
    return _purge(acting, target) if purge else iter(())


def unban(acting: Acting, username: str, reason: str = "") -> None:
    """End a ban or a timeout before its time. Raises Refused when there is none, NotAllowed."""
    target = _named(username)
    acting.require("unban", target)
    lifted = Sanction.lift_all(acting.channel.id, target, acting.user)
    if not lifted:
        raise Refused("not_found", f"{target.username} is neither banned nor timed out here.")
    acting.note("member.unbanned", target, lifted=", ".join(sorted(lifted)), reason_given=bool(reason))
    acting.tell_account(target, "unban")


def clear(acting: Acting) -> Rest:
    """Remove everything that was said so far. Raises NotAllowed."""
    acting.require("clear")
    acting.note("chat.cleared", up_to=acting.channel.last_message_id)
    return _remove(acting, None)


def slow(acting: Acting, seconds: int) -> None:
    """Let each person write once in ``seconds``; 0 ends it. Raises NotAllowed."""
    acting.require("slow")
    _set(acting, slow_mode_seconds=seconds)


def members_only(acting: Acting, on: bool) -> None:
    """Let only members write, or everybody again. Raises NotAllowed."""
    acting.require("members_only")
    _set(acting, members_only=on)


def _set(acting: Acting, **mode: Any) -> None:
    ((name, after),) = mode.items()
    before = getattr(acting.channel, name)
    if before == after:
        return
    setattr(acting.channel, name, after)
    acting.note("channel.changed", what=name, before=before, after=after)
    acting.tell_channel(name)


def _purge(acting: Acting, target: User) -> Rest:
    acting.note("chat.purged", target)
    return _remove(acting, target)


def _remove(acting: Acting, author: User | None) -> Rest:
    """Remove what is newest now, and hand back the rest. Everybody is told at once: what is on screens is newest."""
    up_to = acting.channel.last_message_id
    whose = author.id if author else None
    rest = erasure.erase_all(acting.channel.id, acting.user.id, up_to=up_to, author_id=whose)
    next(rest, 0)
    about = {"channel": acting.channel.slug, "up_to": up_to, "username": author.username if author else None}
    announce("messages_cleared", channel_id=acting.channel.id, details=about)
    return rest


def _named(username: str) -> User:
    found = User.named(username)
    if found is None:
        raise Refused("not_found", f"There is no account called {username}.")
    return found
