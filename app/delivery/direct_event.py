"""Events that go straight from the packet to their handler, and are acknowledged when there is an answer.

Flask-SocketIO makes a request of each event: environment, routing, session, teardown. For an event that comes thousands
of times a second that is more work than the event. Such a handler also need not wait for its answer, so the socket it
came from goes on reading.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask_socketio import SocketIO
from gevent.event import AsyncResult
from socketio.packet import EVENT

from app.delivery.packet import StrictPacket

NAMESPACE = "/"
Answer = Callable[[Any], None]
# Called with the socket's id, the event's arguments, and what sends the acknowledgement.
DirectHandler = Callable[[str, tuple[Any, ...], Answer], None]


class DirectEvents:
    """Which events are direct, and the look at each packet that finds them."""

    def __init__(self, socketio: SocketIO, handlers: Mapping[str, DirectHandler]) -> None:
        self._server, self._handlers = socketio.server, handlers
        for name, handle in handlers.items():  # the library knows them as well: whoever asks it waits for the answer
            self._server.on(name, partial(_wait, handle))

    def take(self, engine_sid: str, data: str | bytes) -> bool:
        """Handle ``data`` if it is a direct event; whether it was. Raises Unreadable."""
        if not isinstance(data, str) or data[0] != str(EVENT):
            return False
        read = StrictPacket(encoded_packet=data)
        handle = self._handlers.get(read.data[0])
        if handle is None or (read.namespace or NAMESPACE) != NAMESPACE:
            return False
        manager = self._server.manager
        sid = manager.sid_from_eio_sid(engine_sid, NAMESPACE)
        if manager.is_connected(sid, NAMESPACE):  # else it is gone, or never came in
            handle(sid, tuple(read.data[1:]), self._answer(engine_sid, read.id))
        return True

    def _answer(self, engine_sid: str, call: int | None) -> Answer:
        def send(answer: Any) -> None:
            # Called later: the socket may be gone by now, and another look at the packet's fields buys nothing.
            if call is not None and engine_sid in self._server.eio.sockets:
                self._server.eio.send(engine_sid, f"3{call}{json.dumps([answer], separators=(',', ':'))}")

        return send


def _wait(handle: DirectHandler, sid: str, *arguments: Any) -> Any:
    answer = AsyncResult()
    handle(sid, arguments, answer.set)
    return answer.get()
