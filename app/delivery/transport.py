"""Put the fast transport under Socket.IO, through the places where python-engineio lets itself be extended."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping
from functools import cache, partial
from importlib.metadata import version
from typing import Any

from engineio import exceptions, packet
from engineio.async_drivers.gevent import SimpleWebSocketWSGI
from engineio.socket import Socket
from flask_socketio import SocketIO
from socketio import Manager

from app.delivery.direct_event import DirectEvents, DirectHandler
from app.delivery.heartbeat import Heartbeat
from app.delivery.manager import FramedManager
from app.delivery.outbox import Outbox
from app.delivery.packet import StrictPacket, Unreadable
from app.delivery.websocket import WebSocket, framed

# What Engine.IO's decoding raises on a body that is no text, on too many packets, on JSON of ten thousand levels.
UNREADABLE = (ValueError, LookupError, RecursionError)
UNUSED_SECONDS = 10
KNOWN_ENGINES = ("4.12.", "4.13.", "4.14.", "4.15.")
log = logging.getLogger(__name__)


class CarefulSocket(Socket):
    """The library's socket, which waits for no client and survives what one may send."""

    closed: bool
    closing: bool
    connected: bool
    opened_at: float
    last_ping: float | None
    manager: Manager
    heartbeat: Heartbeat

    def check_ping_timeout(self) -> bool:
        """Look, as the engine does every few seconds, whether this line is worth keeping.

        One on which nobody ever connects to Socket.IO, or was refused, is counted by no limit.
        """
        unused = self.manager.sid_from_eio_sid(self.sid, "/") is None
        if unused and time.monotonic() - self.opened_at > UNUSED_SECONDS and not self.closed:
            self.close(reason=self.server.reason.PING_TIMEOUT)
            return False
        if self.last_ping and time.monotonic() - self.last_ping > self.server.ping_timeout and not self.closed:
            self.close(reason=self.server.reason.PING_TIMEOUT)
            return False
        return True

    def schedule_ping(self) -> None:
        """The client answered the last ping: the next one follows in time."""
        if self.last_ping:  # else one is under way already
            self.last_ping = None
            self.heartbeat.add(self)

    def ping(self) -> None:
        """Ask whether the client is still there."""
        if not self.closing and not self.closed:
            self.last_ping = time.monotonic()  # a clock that is set must not end everybody's line
            self.send(packet.Packet(packet.PING))

    def close(self, wait: bool = True, abort: bool = False, reason: Any = None) -> None:
        """End it. The library would wait until all is delivered: for ever, if the client never asks again."""
        super().close(False, abort, reason)

    def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take what a client on polling sends. Raises EngineIOError, which the engine answers with 400."""
        try:
            super().handle_post_request(environ)
        except UNREADABLE:  # the library would print a traceback
            raise exceptions.EngineIOError from None

    def _websocket_handler(self, ws: Any) -> list[Any]:
        try:
            ended: list[Any] = super()._websocket_handler(ws)
        except UNREADABLE:
            self.close(abort=True, reason=self.server.reason.TRANSPORT_ERROR)
            return []
        return ended


class DirectSocket(CarefulSocket):
    """An Engine.IO socket that, once it is a WebSocket, writes to its outbox: no queue, no writer greenlet."""

    outbox: Outbox | None = None
    _websocket: WebSocket | None = None

    def send(self, pkt: Any) -> None:
        """Send one packet."""
        if self.outbox is None:
            super().send(pkt)
        elif self.closed:
            raise exceptions.SocketIsClosedError()
        else:
            self.outbox.push(framed(pkt.encode()))

    def close(self, wait: bool = True, abort: bool = False, reason: Any = None) -> None:
        """End it: with a goodbye, or at once when ``abort``."""
        if self.outbox is None or self._websocket is None:
            super().close(wait, abort, reason)
        elif not self.closed and not self.closing:
            self.closing = True
            self.server._trigger_event(
                "disconnect", self.sid, reason or self.server.reason.SERVER_DISCONNECT, run_async=False
            )
            if abort:
                self.outbox.close()
            else:
                self.outbox.push(framed(packet.Packet(packet.CLOSE).encode()))
                self._websocket.close()
            self.closed = True

    def _websocket_handler(self, ws: WebSocket) -> list[Any]:
        if not self._take_over(ws):
            return []
        # Whatever a client sends may end its own socket, and nothing else.
        while (received := _packet(ws.wait())) is not None:
            try:
                self.receive(received)
            except exceptions.UnknownPacketError:
                continue
            except exceptions.SocketIsClosedError:
                break
        self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        return []

    def _take_over(self, ws: WebSocket) -> bool:
        """Begin as a WebSocket, or change from polling to it as Engine.IO's protocol says. False when that fails."""
        if self.connected:
            self.upgrading = True
            if not self._upgrade_from_polling(ws):
                self.upgrading = False
                return False
        self.connected = self.upgraded = True
        self.upgrading = False
        while not self.queue.empty():
            waiting = self.queue.get(block=False)
            self.queue.task_done()
            if waiting is not None:
                ws.send(waiting.encode())
        self._websocket, self.outbox = ws, ws.outbox
        return True

    def _upgrade_from_polling(self, ws: WebSocket) -> bool:
        probe = _packet(ws.wait())
        if probe is None or probe.packet_type != packet.PING or probe.data != "probe":
            return False
        ws.send(packet.Packet(packet.PONG, data="probe").encode())
        self.queue.put(packet.Packet(packet.NOOP))  # ends the poll that is open
        answer = _packet(ws.wait())
        return answer is not None and answer.packet_type == packet.UPGRADE


def _packet(data: str | bytes | None) -> Any:
    if data is None:
        return None
    try:
        return packet.Packet(encoded_packet=data)
    except UNREADABLE:
        return None


class StockWebSocket(SimpleWebSocketWSGI):
    """The library's WebSocket, whose closing fails loudly when the client was faster."""

    def close(self) -> None:
        """Say goodbye, if anybody is there."""
        with contextlib.suppress(OSError):
            super().close()


def client_manager(transport: str) -> Manager:
    """The client manager for TRANSPORT."""
    return FramedManager() if _fast(transport) else Manager()


def install(socketio: SocketIO, transport: str, most_bytes: int, direct_handlers: Mapping[str, DirectHandler]) -> None:
    """Set the transport of an initialised ``socketio``: ``fast``, or the library's ``stock``."""
    engine, fast = socketio.server.eio, _fast(transport)
    socketio.server.packet_class = StrictPacket
    # Engine.IO looks at the size only once simple-websocket has put a whole message together: one client could fill
    # the memory with fragments of a message that never ends.
    stock = partial(StockWebSocket, max_message_size=most_bytes)
    engine._async = dict(engine._async, websocket=WebSocket if fast else stock)
    socket_class = DirectSocket if fast else CarefulSocket
    connected, received = engine.handlers["connect"], engine.handlers["message"]
    heartbeat, direct = Heartbeat(engine.ping_interval), DirectEvents(socketio, direct_handlers)

    def connect(engine_sid: str, environ: dict[str, Any]) -> Any:
        # The engine has just made its own socket and has no place to say of which class. Before anything but the
        # greeting is queued, it becomes one of ours.
        client = engine.sockets[engine_sid]
        client.__class__ = socket_class
        client.opened_at, client.manager = time.monotonic(), socketio.server.manager
        client.heartbeat = heartbeat
        return connected(engine_sid, environ)

    def message(engine_sid: str, data: str | bytes) -> None:
        try:
            if not data:  # for the library, an event without a name
                raise Unreadable
            if not direct.take(engine_sid, data):
                received(engine_sid, data)
        except Unreadable:
            if engine_sid in engine.sockets:
                engine.sockets[engine_sid].close(reason=engine.reason.TRANSPORT_ERROR)

    engine.on("connect", connect)
    engine.on("message", message)


def _fast(transport: str) -> bool:
    if transport == "fast" and not _engine_version().startswith(KNOWN_ENGINES):
        log.warning("this python-engineio is not known to the fast transport: the stock one is used")
        return False
    return transport == "fast"


@cache
def _engine_version() -> str:
    return version("python-engineio")
