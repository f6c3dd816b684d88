"""The socket door: connect, join, leave, send, history, active. Every event is answered, whatever it holds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import Flask, current_app, request, session
from flask_socketio import ConnectionRefusedError as Refusal
from flask_socketio import join_room, leave_room

import log_line
from app.audit.actor import Actor
from app.auth.session import UserSession
from app.auth.user import User
from app.channels.channel import Channel
from app.chat import broadcasts, connections, history, payload, posting, presence
from app.chat.connections import Connection, Place
from app.chat.description import channel_as_seen, me_as_seen
from app.chat.line import timestamp
from app.chat.refusal import Refused
from app.chat.writer import Stored
from app.clock import now
from app.delivery.direct_event import DirectHandler
from app.extensions import db, socketio
from app.security import request_ids
from app.security.rate_limits import RateLimited, address_key, spend

CATCH_UP = 500
log = logging.getLogger(__name__)

Handler = Callable[[Connection, dict[str, Any]], dict[str, Any]]
Acknowledge = Callable[[dict[str, Any]], None]
DirectHandle = Callable[[Connection, dict[str, Any], Acknowledge], None]
GATES: dict[str, str] = {}
DIRECT: dict[str, DirectHandle] = {}


def event(name: str, *, gate: str) -> Callable[[Handler], Handler]:
    """Register a handler whose result is the acknowledgement. ``gate`` says who may use it, for readers and tests."""

    def register(handle: Handler) -> Handler:
        GATES[name] = gate

        @socketio.on(name)
        @wraps(handle)
        def answered(*arguments: Any) -> dict[str, Any]:
            log_line.begin_event(request_ids.of(request.environ), name)
            try:
                connection = _allowed(request.sid)  # type: ignore[attr-defined]  # Flask-SocketIO adds it
                return {"ok": True, **handle(connection, payload.one_object(arguments))}
            except Exception as error:
                return _refused(name, error)

        return handle

    return register


def direct_event(name: str, *, gate: str) -> Callable[[DirectHandle], DirectHandle]:
    """Register a handler without a request around it, whose answer comes later: for what comes often."""

    def register(handle: DirectHandle) -> DirectHandle:
        GATES[name], DIRECT[name] = gate, handle
        return handle

    return register


def direct_handlers(app: Flask) -> dict[str, DirectHandler]:
    """The direct events for the transport to find."""
    return {name: partial(_directly, app, name, handle) for name, handle in DIRECT.items()}


def _directly(
    app: Flask, name: str, handle: DirectHandle, sid: str, arguments: tuple[Any, ...], answer: Acknowledge
) -> None:
    with app.app_context():
        try:
            connection = _allowed(sid)
            log_line.begin_event(connection.request_id, name)
            handle(connection, payload.one_object(arguments), answer)
        except Exception as error:
            answer(_refused(name, error))


def _allowed(sid: str) -> Connection:
    connection = connections.of(sid)
    if connection is None:
        raise Refused("not_signed_in")  # it was cut while this event was on its way
    if connection.must_change_password:
        raise Refused("must_change_password")
    return connection


def _refused(name: str, error: Exception) -> dict[str, Any]:
    db.session.rollback()
    if isinstance(error, Refused):
        return error.acknowledgement()
    if isinstance(error, RateLimited):
        return Refused("rate_limited", retry_after=error.retry_after).acknowledgement()
    log.error("%s failed", name, exc_info=error)
    about = log_line.subject()
    return Refused("unavailable", request_id=about.event_id if about else "").acknowledgement()


@socketio.on("connect")
def on_connect(auth: Any = None) -> None:
    """Anybody may connect: with a living session as that account, else as a visitor, who may read public channels."""
    settings, request_id = current_app.config["STREAMZY"], request_ids.of(request.environ)
    address = address_key(request.remote_addr)
    log_line.begin_event(request_id, "connect")
    if isinstance(auth, dict) and auth.get("token") is not None:
        raise Refusal("not_signed_in")  # no token is known: taking it for a visitor would hide the mistake
    try:
        spend("handshakes", address)
    except RateLimited as limited:
        raise Refusal("rate_limited", {"retry_after": limited.retry_after}) from None
    user_session = UserSession.with_token(session.get("token"))
    if user_session is not None and user_session.person_is_silent():
        user_session = None  # reading goes on as a visitor until the person comes back to the page
    user_id = user_session.account_id if user_session else None
    most = {f"address:{address}": settings.max_connections_per_address}
    if user_id:
        most[f"account:{user_id}"] = settings.max_connections_per_account
    sid: str = request.sid  # type: ignore[attr-defined]  # Flask-SocketIO adds it
    if not current_app.extensions["seats"].take(sid, {who: number for who, number in most.items() if number}):
        raise Refusal("rate_limited")
    actor = Actor.on(
        user_session.user.username if user_session else connections.VISITOR,
        ip=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""),
        account_id=user_id,
        session_id=user_session.id if user_session else None,
    )
    connections.opened(sid, address, actor, user_session, request_id)
    db.session.commit()
    current_app.extensions["listener"].start()


@socketio.on("disconnect")
def on_disconnect(_reason: str = "") -> None:
    """The socket is gone."""
    log_line.begin_event(request_ids.of(request.environ), "disconnect")
    connections.closed(request.sid)  # type: ignore[attr-defined]  # Flask-SocketIO adds it


@event("join", gate="who may read the channel")
def on_join(connection: Connection, data: dict[str, Any]) -> dict[str, Any]:
    """Read a channel from now on. What is in the answer is not sent again; what comes later follows the answer."""
    spend("joins", connection.address)
    while (answer := _join(connection, data)) is None:
        pass
    return answer


def _join(connection: Connection, data: dict[str, Any]) -> dict[str, Any] | None:
    """Join, or None when what the connection may do changed while the database was waited for."""
    known = connection.forgotten
    user, place, channel = find(connection, data)
    last_seen = payload.number(data, "after")
    answer: dict[str, Any] = {
        "channel": channel_as_seen(channel),
        "me": me_as_seen(user.username, place) if user else None,
    }
    with broadcasts.Hold(place.channel_id) as hold:
        current_app.extensions["relay"].follow(place.channel_id, channel.last_message_id)
        if last_seen is None:
            shown, gap = history.newest(channel)[0], False
        else:
            shown, gap = history.after(channel, last_seen, CATCH_UP)
            answer["deleted"] = history.gone_among(channel, last_seen, CATCH_UP)
        db.session.commit()
        db.session.remove()  # giving the connection back waits for PostgreSQL: now, not when this request ends
    # From here to the answer nothing yields, so no row may be read: nothing can be posted between it and the room.
    if connection.forgotten != known:
        return None
    if gap:
        _leave(connection, place.slug)  # what is live now would overtake what is still missing
    else:
        last_id = shown[-1]["id"] if shown else (last_seen or 0)
        shown += [message for message in hold.messages if message["id"] > last_id]
        join_room(broadcasts.channel_room(place.channel_id))
        connections.start_reading(connection, place, shown[-1]["id"] if shown else last_id)
    answer |= {"messages": hold.without_removed(shown), "viewers": presence.viewers(place.channel_id)}
    return answer | ({"gap": True} if gap else {})


@event("leave", gate="everyone")
def on_leave(connection: Connection, data: dict[str, Any]) -> dict[str, Any]:
    """Read a channel no longer."""
    _leave(connection, payload.text(data, "channel", 64))
    return {}


@direct_event("send", gate="signed in, may write in the channel")
def on_send(connection: Connection, data: dict[str, Any], answer: Acknowledge) -> None:
    """Say something. Answered after it is durably stored."""
    if current_app.extensions["writer"].closing:
        return  # this line is cut in a moment; what was never answered, clients send again, with its nonce
    slug, said = payload.text(data, "channel", 64), payload.text(data, "text")
    nonce, reply_to = payload.text(data, "nonce", 64), payload.number(data, "reply_to", least=1)
    place = connection.places.get(slug) or connections.place(connection, slug, _user_of(connection))
    if place is None:
        raise _no_place(slug, _user_of(connection))

    def tell(outcome: Stored | Refused) -> None:
        if isinstance(outcome, Refused):
            answer(outcome.acknowledgement())
            return
        connection.active_at = now()
        answer({"ok": True, "id": outcome.id, "sent_at": timestamp(outcome.sent_at)})

    posting.post(connection, place, said, nonce, reply_to, tell)


@event("history", gate="who may read the channel")
def on_history(connection: Connection, data: dict[str, Any]) -> dict[str, Any]:
    """Older messages."""
    spend("history", connection.person)
    _, _, channel = find(connection, data)
    message_id = payload.number(data, "before", least=1)
    if message_id is None:
        raise Refused("bad_request", "before must be a message's id.")
    limit = payload.number(data, "limit", default=history.PAGE, least=1, most=100) or 1
    with broadcasts.Hold(channel.id) as hold:
        shown, more = history.before(channel, message_id, limit)
        db.session.commit()
    return {"messages": hold.without_removed(shown), "more": more}


@event("active", gate="everyone")
def on_active(connection: Connection, _data: dict[str, Any]) -> dict[str, Any]:
    """The person did something: restarts the activity timeout."""
    connection.active_at = now()
    return {}


@socketio.on("*")
def on_anything_else(_name: str, *_arguments: Any) -> dict[str, Any]:
    """An event that does not exist is answered like any malformed one."""
    return Refused("bad_request", "There is no such event.").acknowledgement()


def find(connection: Connection, data: dict[str, Any]) -> tuple[User | None, Place, Channel]:
    """Who asks, what they may do in the channel they name, and the channel. Raises Refused."""
    slug, user = payload.text(data, "channel", 64), _user_of(connection)
    place = connections.place(connection, slug, user)
    if place is None:
        raise _no_place(slug, user)
    return user, place, db.session.get_one(Channel, place.channel_id)


def _no_place(slug: str, user: User | None) -> Refused:
    channel = Channel.at(slug) if user else None
    return Refused("banned" if channel and user and channel.shuts_out(user) else "not_found")


def _user_of(connection: Connection) -> User | None:
    return db.session.get(User, connection.user_id) if connection.user_id is not None else None


def _leave(connection: Connection, slug: str) -> None:
    channel_id = connections.stop_reading(connection, slug)
    if channel_id is not None:
        leave_room(broadcasts.channel_room(channel_id))
