"""Which sockets are open in this process and whose they are; cutting them when their session ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from flask import current_app
from prometheus_client import Gauge

from app.audit.actor import Actor
from app.auth.announcement import News, announced
from app.auth.session import UserSession
from app.auth.user import User
from app.channels import policy
from app.channels.channel import Channel
from app.channels.sanction import Sanction
from app.chat import broadcasts, presence
from app.clock import now
from app.extensions import socketio

VISITOR = "visitor"


@dataclass(frozen=True)
class Restraint:
    """A ban (``until`` None) or a timeout, as it is known to the connection that it holds back."""

    kind: str
    until: datetime | None
    reason: str

    @property
    def holds(self) -> bool:
        """Whether it has not run out by now."""
        return self.until is None or self.until > now()


@dataclass
class Place:
    """What a connection may do in one channel: looked up once, forgotten when anything about it changes.

    It only refuses sooner. What is stored is decided by the writer, inside the transaction that stores it.
    """

    channel_id: int
    slug: str
    badges: list[str]
    may_write: bool
    standing: str = "viewer"
    restraint: Restraint | None = None

    @property
    def held_back_by(self) -> Restraint | None:
        """The ban or timeout that holds now."""
        return self.restraint if self.restraint and self.restraint.holds else None

    @property
    def moderates(self) -> bool:
        """Whether moderating is theirs, slow mode not."""
        return self.standing != "viewer" and self.held_back_by is None


@dataclass
class Connection:
    """One open socket. ``user_id`` is None for a visitor; ``request_id`` is that of the request which opened it."""

    sid: str
    actor: Actor
    address: str
    request_id: str = ""
    user_id: int | None = None
    session_id: int | None = None
    username: str = VISITOR
    must_change_password: bool = False
    active_at: datetime = field(default_factory=now)
    places: dict[str, Place] = field(default_factory=dict)
    forgotten: int = 0
    reading: dict[str, int] = field(default_factory=dict)

    def forget(self) -> None:
        """Something changed: what this connection may do has to be looked up again."""
        self.places.clear()
        self.forgotten += 1

    @property
    def person(self) -> str:
        """Who is counted as one viewer: an account however many tabs it has, or one visitor's socket."""
        return f"user:{self.user_id}" if self.user_id is not None else self.sid


_open: dict[str, Connection] = {}
CONNECTIONS = Gauge("streamzy_connections", "Open sockets of this process")
CONNECTIONS.set_function(lambda: len(_open))


def opened(sid: str, address: str, actor: Actor, session: UserSession | None, request_id: str = "") -> Connection:
    """Register a socket."""
    connection = Connection(sid, actor, address, request_id)
    if session is not None:
        connection.user_id, connection.session_id = session.account_id, session.id
        connection.username = session.user.username
        connection.must_change_password = session.user.must_change_password
        connection.active_at = session.last_active_at
    _open[sid] = connection
    return connection


def closed(sid: str) -> None:
    """Forget a socket that is gone."""
    current_app.extensions["seats"].leave(sid)
    connection = _open.pop(sid, None)
    if connection:
        for slug in list(connection.reading):
            stop_reading(connection, slug)


def start_reading(connection: Connection, place: Place, last_id: int) -> None:
    """Count the connection among a channel's readers; its answer held messages up to ``last_id``."""
    broadcasts.joined(place.channel_id, connection.sid, last_id)
    if place.slug not in connection.reading:
        connection.reading[place.slug] = place.channel_id
        presence.entered(place.channel_id, place.slug, connection.person)


def stop_reading(connection: Connection, slug: str) -> int | None:
    """The connection reads the channel no longer; returns the channel's id if it did."""
    channel_id = connection.reading.pop(slug, None)
    if channel_id is not None:
        broadcasts.left(channel_id, connection.sid)
        presence.left(channel_id, connection.person)
    return channel_id


def of(sid: str) -> Connection | None:
    """The connection of a socket."""
    return _open.get(sid)


def everyone() -> list[Connection]:
    """All open connections of this process."""
    return list(_open.values())


def cut(connection: Connection, reason: str) -> None:
    """Say why, and close. From this moment on nothing it sends is heard."""
    broadcasts.signed_out(connection.sid, reason)
    closed(connection.sid)
    engine_sid = socketio.server.manager.eio_sid_from_sid(connection.sid, "/")
    line = socketio.server.eio.sockets.get(engine_sid)
    socketio.server.disconnect(connection.sid)
    # A client that ignores the goodbye must not keep the line. One that is polling has yet to fetch the goodbye: its
    # line hears nothing more, and is hung up on as one that nobody uses.
    if line is not None and line.upgraded:
        socketio.server.eio.disconnect(engine_sid)


def readers(channel_id: int) -> list[Connection]:
    """The connections of this process that read a channel."""
    return [connection for connection in _open.values() if channel_id in connection.reading.values()]


def dismiss(connection: Connection, channel_id: int) -> None:
    """The connection may not read the channel any more: from now on it hears nothing of it."""
    for slug in [slug for slug, read_id in connection.reading.items() if read_id == channel_id]:
        stop_reading(connection, slug)
    broadcasts.dismissed(channel_id, connection.sid)


def place(connection: Connection, slug: str, user: User | None) -> Place | None:
    """Look up what ``connection`` may do in the channel at ``slug``, or None where it may not read."""
    known = connection.forgotten
    channel = Channel.readable_by(user, slug)
    if channel is None:
        return None
    if user is not None and user.username != connection.username:  # renamed while this socket was open
        connection.username, connection.actor = user.username, replace(connection.actor, name=user.username)
    found = place_in(channel, user)
    # The database may have been waited for: what was announced meanwhile is not in what was read.
    if connection.forgotten == known:
        connection.places[slug] = found
    return found


def place_in(channel: Channel, user: User | None) -> Place:
    """What ``user``, who may read there, may do in ``channel``."""
    if user is None:
        return Place(channel.id, channel.slug, [], may_write=False)
    sanction = Sanction.in_force(channel.id, user.id)
    return Place(
        channel.id,
        channel.slug,
        channel.badges_of(user),
        channel.may_write(user),
        policy.standing(user, channel),
        Restraint(sanction.kind, sanction.until, sanction.stated_reason or "") if sanction else None,
    )


@announced.connect
def _on_news(news: News) -> None:
    """Act on an announcement of this process or, through the listener, of another."""
    for connection in everyone():
        if news.kind == "session_ended" and news.session_id is not None and connection.session_id == news.session_id:
            cut(connection, news.reason)
        elif news.kind == "account_changed" and connection.user_id == news.account_id:
            connection.forget()
        elif news.kind in ("channel_changed", "channel_deleted"):
            connection.forget()
