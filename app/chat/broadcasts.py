"""What goes out to clients: the only file that emits. It sees to it that nobody gets a message twice or misses one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

from app.delivery.manager import FramedManager
from app.extensions import socketio

COME_BACK_SECONDS = (0.1, 3.0)

# Clients that are reading history just now: what is posted meanwhile waits here for them.
_holds: dict[int, list[Hold]] = defaultdict(list)
# Clients that just joined, with the last id their answer held: a message that was committed before they read
# history and is broadcast after it must not reach them a second time.
_just_joined: dict[int, dict[str, int]] = defaultdict(dict)
REVIEW_ROOM = "applications"
# Called with a channel's id and what tells whether a message of it was removed: some may be on their way yet.
removal_listeners: list[Callable[[int, Callable[[dict[str, Any]], bool]], None]] = []


class Hold:
    """Keeps what is posted in a channel between entering and answering."""

    def __init__(self, channel_id: int) -> None:
        self.channel_id = channel_id
        self.messages: list[dict[str, Any]] = []
        self.removed: list[Callable[[dict[str, Any]], bool]] = []

    def without_removed(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """``messages`` but for those that were removed since this began."""
        return [message for message in messages if not any(holds(message) for holds in self.removed)]

    def __enter__(self) -> Hold:
        _holds[self.channel_id].append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _holds[self.channel_id].remove(self)
        if not _holds[self.channel_id]:
            del _holds[self.channel_id]


def is_held(channel_id: int) -> bool:
    """Whether somebody is reading the channel's history just now."""
    return channel_id in _holds


def channel_room(channel_id: int) -> str:
    """Name of the room of everybody who reads a channel."""
    return f"channel:{channel_id}"


def joined(channel_id: int, sid: str, last_id: int) -> None:
    """``sid`` entered the channel's room; its answer holds messages up to ``last_id``."""
    _just_joined[channel_id][sid] = last_id


def left(channel_id: int, sid: str) -> None:
    """``sid`` reads the channel no longer."""
    if channel_id in _just_joined:
        _just_joined[channel_id].pop(sid, None)


def messages_posted(channel_id: int, messages: list[dict[str, Any]]) -> None:
    """Tell everybody in the channel what follows on another there, and keep it for those who are about to be."""
    for hold in _holds.get(channel_id, ()):
        hold.messages += messages
    newcomers = _just_joined.pop(channel_id, {})
    has_some = {sid: last_id for sid, last_id in newcomers.items() if last_id >= messages[0]["id"]}
    _emit_messages(messages, channel_room(channel_id), has_some)
    for sid, last_id in has_some.items():
        if last_id >= messages[-1]["id"]:
            _just_joined[channel_id][sid] = last_id
        else:
            _emit_messages([message for message in messages if message["id"] > last_id], sid)


def _emit_messages(messages: list[dict[str, Any]], to: str, skipped: Collection[str] = ()) -> None:
    manager = socketio.server.manager
    if isinstance(manager, FramedManager):
        manager.emit_all("message", messages, "/", to, skipped)
        return
    for message in messages:
        socketio.emit("message", message, to=to, skip_sid=list(skipped) or None)


def viewers_changed(channel_id: int, slug: str, count: int) -> None:
    """Tell everybody in the channel how many they are."""
    socketio.emit("viewers", {"channel": slug, "count": count}, to=channel_room(channel_id))


def signed_out(sid: str, reason: str) -> None:
    """Tell one client why its socket is about to close."""
    socketio.emit("signed_out", {"reason": reason}, to=sid)


def _removed(channel_id: int, which: Callable[[dict[str, Any]], bool]) -> None:
    for hold in _holds.get(channel_id, ()):
        hold.removed.append(which)
    for hear in removal_listeners:
        hear(channel_id, which)


def message_deleted(channel_id: int, slug: str, message_id: int) -> None:
    """Tell everybody in the channel that a message is gone."""
    _removed(channel_id, lambda message: message["id"] == message_id)
    socketio.emit("message_deleted", {"channel": slug, "id": message_id}, to=channel_room(channel_id))


def messages_cleared(channel_id: int, slug: str, up_to: int, username: str | None, reason: str = "") -> None:
    """Tell everybody in the channel that the messages up to an id are gone: one account's, or all.

    ``reason`` is "age" where nobody did it.
    """

    def holds(message: dict[str, Any]) -> bool:
        return message["id"] <= up_to and username in (None, message["author"]["username"])

    _removed(channel_id, holds)
    more = {name: value for name, value in (("username", username), ("reason", reason)) if value}
    socketio.emit("messages_cleared", {"channel": slug, "up_to": up_to, **more}, to=channel_room(channel_id))


def channel_updated(channel_id: int, description: dict[str, Any], changed: list[str]) -> None:
    """Tell everybody in the channel how it is now, and what of it changed."""
    socketio.emit("channel_updated", {"channel": description, "changed": changed}, to=channel_room(channel_id))


def application_changed(change: dict[str, Any]) -> None:
    """Tell the admins who review that something happened to an application: ``id``, ``status`` and ``step``."""
    socketio.emit("application_changed", change, to=REVIEW_ROOM)


def dismissed(channel_id: int, sid: str) -> None:
    """``sid`` hears nothing more of the channel."""
    left(channel_id, sid)
    socketio.server.leave_room(sid, channel_room(channel_id))


def restarting() -> None:
    """Tell everybody that this process ends, each with another moment (seconds) to come back: not as one wave."""
    for sid, _ in list(socketio.server.manager.get_participants("/", None)):
        again = round(random.uniform(*COME_BACK_SECONDS), 2)  # noqa: S311 - spreads them, decides nothing secret
        notice(sid, "restarting", "The server restarts. You are connected again in a moment.", retry_after=again)


def notice(sid: str, code: str, message: str, **more: Any) -> None:
    """Tell one client something."""
    socketio.emit("notice", {"code": code, "message": message, **more}, to=sid)
