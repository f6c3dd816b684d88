"""The WebSocket as we let it be used: no message may grow beyond what the chat needs."""

from __future__ import annotations

from functools import partial

from engineio.async_drivers.gevent import SimpleWebSocketWSGI
from flask_socketio import SocketIO


def bound_message_size(socketio: SocketIO, most_bytes: int) -> None:
    """Refuse larger messages while they arrive.

    Engine.IO looks at the size only once simple-websocket has put the whole message together: one client could
    fill the memory with fragments of a message that never ends.
    """
    engine = socketio.server.eio
    engine._async = dict(engine._async, websocket=partial(SimpleWebSocketWSGI, max_message_size=most_bytes))
