"""What waits to be written to each socket, and the one moment in a loop turn when it is written."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from gevent import get_hub
from prometheus_client import Counter

WRITE = 2  # libev's flag for "can be written"
MOST_PENDING = 1 << 20  # bytes: whoever reads this much too slowly is dropped

DROPPED = Counter("streamzy_readers_dropped", "Sockets shut because their reader was too far behind")


class Outbox:
    """Bytes for one socket. Everything pushed within one turn of the event loop leaves in one send().

    A send() costs the same whatever its size, so this is what a broadcast's speed comes from; and a reader that
    does not keep up costs MOST_PENDING bytes at most, then its socket is shut and the descriptor freed.
    """

    __slots__ = ("_last", "_pending", "_queued", "_rest", "_send", "_socket", "_waiting", "_watcher", "closed")

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        # gevent's own send() would park a greenlet on a full buffer: we keep the rest and watch the socket instead.
        self._send = getattr(sock, "_sock", sock).send
        self._waiting: list[bytes] = []
        self._rest = b""
        self._pending = 0  # bytes that came while the socket took none
        self._queued = False
        self._watcher: Any = None
        self._last = False
        self.closed = False

    def push(self, frame: bytes) -> None:
        """Write ``frame`` at the end of this loop turn."""
        if self.closed:
            return
        self._waiting.append(frame)
        if self._queued:
            return
        if self._watcher is None:
            self._queued = True
            _flush.add(self)
            return
        self._pending += len(frame)
        if len(self._rest) + self._pending > MOST_PENDING:
            DROPPED.inc()
            self.close()

    def finish(self, frame: bytes) -> None:
        """Write ``frame``, then close."""
        self._last = True
        self.push(frame)

    def flush(self) -> None:
        """Write what waits; keep what the kernel does not take."""
        self._queued = False
        if self.closed:
            return
        waiting = self._waiting
        # The usual case is one frame for everybody: it is not copied.
        data = waiting[0] if len(waiting) == 1 and not self._rest else self._rest + b"".join(waiting)
        waiting.clear()
        try:
            sent = self._send(data) if data else 0
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.close()
            return
        if sent != len(data):
            self._keep(data[sent:])
        elif self._watcher is not None or self._last:
            self._done()

    def close(self) -> None:
        """Drop what waits and shut the socket: whoever reads from it is woken."""
        if self.closed:
            return
        self.closed = True
        self._waiting.clear()
        self._rest = b""
        self._unwatch()
        with contextlib.suppress(OSError):  # the peer may be gone already
            self._socket.shutdown(socket.SHUT_RDWR)

    def _keep(self, rest: bytes) -> None:
        self._rest, self._pending = rest, 0
        if self._watcher is None:
            self._watcher = get_hub().loop.io(self._socket.fileno(), WRITE)
            self._watcher.start(self.flush)

    def _done(self) -> None:
        self._rest, self._pending = b"", 0
        self._unwatch()
        if self._last:
            self.close()

    def _unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None


class Flush:
    """The outboxes that something was pushed to in this loop turn."""

    def __init__(self) -> None:
        self._outboxes: list[Outbox] = []

    def add(self, outbox: Outbox) -> None:
        """Flush ``outbox`` when the greenlets of this turn have run."""
        if not self._outboxes:
            get_hub().loop.run_callback(self._run)
        self._outboxes.append(outbox)

    def _run(self) -> None:
        outboxes, self._outboxes = self._outboxes, []
        for outbox in outboxes:
            outbox.flush()


_flush = Flush()
