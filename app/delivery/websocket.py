"""A WebSocket for Engine.IO: the protocol is the ``websockets`` library's, the out-queue is ours."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable, Iterable
from typing import Any

from websockets.exceptions import InvalidHeader
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.headers import parse_connection, parse_upgrade
from websockets.protocol import Protocol, Side, State
from websockets.utils import accept_key

import log_line
from app.delivery.outbox import Outbox

READ_BYTES = 16 * 1024
GOODBYE = Frame(Opcode.CLOSE, Close(CloseCode.NORMAL_CLOSURE, "").serialize()).serialize(mask=False)

# The library logs every opening and closing; a chat server's log has better things to say.
quiet = logging.getLogger("streamzy.websocket")
quiet.setLevel(logging.WARNING)


def framed(data: str | bytes) -> bytes:
    """``data`` as one WebSocket frame, ready for any number of sockets."""
    if isinstance(data, str):
        return Frame(Opcode.TEXT, data.encode()).serialize(mask=False)
    return Frame(Opcode.BINARY, data).serialize(mask=False)


class WebSocket:
    """What Engine.IO calls with a request to upgrade; ``wait`` and ``send`` are its interface."""

    def __init__(self, handler: Callable[[WebSocket], Any], server: Any) -> None:
        self._handler = handler
        # Sizes are checked in the frame header, before a byte of the body is kept.
        self._protocol = Protocol(Side.SERVER, state=State.OPEN, max_size=server.max_http_buffer_size, logger=quiet)
        self._fragments: list[Frame] = []
        self._messages: list[str | bytes] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Upgrade, and run Engine.IO's handler until the socket ends."""
        key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
        if not _is_handshake(environ) or not key:
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"not a WebSocket handshake\n"]
        self._socket = _socket_of(environ)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every answer waits 40 ms for Nagle
        # permessage-deflate, which every browser offers, is not taken: it costs 130 KB a socket, and compresses
        # secrets beside text that somebody else chose.
        self._socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n" + _request_id() + b"\r\n"
        )
        self.outbox = Outbox(self._socket)
        try:
            self._handler(self)
        finally:
            self.outbox.close()
        # gunicorn must neither write a response nor reuse the connection.
        raise OSError(errno.EPIPE, "the WebSocket ended")

    def send(self, data: str | bytes) -> None:
        """Send one message, at the end of this loop turn."""
        self.outbox.push(framed(data))

    def close(self) -> None:
        """Send what waits, say goodbye, close."""
        self.outbox.finish(GOODBYE)

    def wait(self) -> str | bytes | None:
        """The next message, or None when there will be none."""
        while not self._messages:
            if self._protocol.state is not State.OPEN or self.outbox.closed:
                return None
            try:
                data = self._socket.recv(READ_BYTES)
            except OSError:
                return None
            if not data:
                return None
            self._receive(data)
        return self._messages.pop(0)

    def _receive(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for written in self._protocol.data_to_send():  # pongs, and the answer to a close or to a protocol error
            if written:
                self.outbox.push(written)
        for frame in self._protocol.events_received():
            assert isinstance(frame, Frame)  # noqa: S101 - requests and responses are for handshakes only
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._fragments.append(frame)
                if frame.fin:
                    self._join()
        if self._protocol.state is not State.OPEN:
            self.outbox.finish(b"")

    def _join(self) -> None:
        fragments, self._fragments = self._fragments, []
        body = b"".join(fragment.data for fragment in fragments)
        if fragments[0].opcode is Opcode.BINARY:
            self._messages.append(body)
            return
        try:
            self._messages.append(body.decode())
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA)


def _request_id() -> bytes:
    about = log_line.subject()  # what stands around this never sees the headers of an upgrade
    return f"X-Request-Id: {about.request_id}\r\n".encode() if about else b""


def _is_handshake(environ: dict[str, Any]) -> bool:
    try:
        upgrade = parse_upgrade(environ.get("HTTP_UPGRADE", ""))
        connection = parse_connection(environ.get("HTTP_CONNECTION", ""))
    except InvalidHeader:
        return False
    return (
        [name.lower() for name in upgrade] == ["websocket"]
        and "upgrade" in [option.lower() for option in connection]
        and environ.get("HTTP_SEC_WEBSOCKET_VERSION") == "13"
    )


def _socket_of(environ: dict[str, Any]) -> Any:
    found = environ.get("gunicorn.socket")
    if found is None:  # gevent's own server, in development
        stream = environ["wsgi.input"]
        found = getattr(stream, "rfile", stream).raw._sock
    return found
