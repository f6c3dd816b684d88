"""The client manager of the fast transport: a broadcast is framed once, whoever many get it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Any

from engineio import packet
from prometheus_client import Counter
from socketio import Manager
from socketio.packet import EVENT

from app.delivery.websocket import framed

DELIVERIES = Counter("streamzy_deliveries", "Broadcast events written, once for each socket that gets them")


class FramedManager(Manager):
    """The library's manager, which also knows the sockets of a room, and the rooms of a socket, without a search."""

    def __init__(self) -> None:
        super().__init__()
        # The library's rooms map to Engine.IO's ids, of which each would have to be looked up for each message.
        self._clients: dict[tuple[str, Any], dict[str, Any]] = defaultdict(dict)
        self._rooms: dict[tuple[str, str], set[Any]] = defaultdict(set)

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        **options: Any,
    ) -> None:
        """As the library's ``emit``; clients on polling get packets from their queue as ever."""
        room, skipped = (
            to or room,
            skip_sid if isinstance(skip_sid, (list, tuple, set)) else [skip_sid] if skip_sid else [],
        )
        if callback or not (room is None or isinstance(room, str)):
            super().emit(event, data, namespace, room, skip_sid, callback, **options)
        else:
            self.emit_all(event, [data], namespace, room, skipped)

    def emit_all(
        self, event: str, many: Iterable[Any], namespace: str, room: str | None, skipped: Collection[Any] = ()
    ) -> None:
        """Emit one event for each of ``many``, in their order: they reach each socket in one piece."""
        clients = self._clients.get((namespace, room))
        if not clients:
            return
        packets = [
            packet.Packet(packet.MESSAGE, text) for data in many for text in self._encoded(event, data, namespace)
        ]
        frames = b"".join(framed(part.encode()) for part in packets)
        delivered = 0
        for sid, client in list(clients.items()):
            if client.closed or (skipped and sid in skipped):
                continue
            delivered += 1
            outbox = getattr(client, "outbox", None)
            if outbox is not None:
                outbox.push(frames)
            else:
                for part in packets:
                    client.send(part)
        DELIVERIES.inc(delivered * len(packets))

    def _encoded(self, event: str, data: Any, namespace: str) -> list[Any]:
        arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        encoded = self.server.packet_class(EVENT, namespace=namespace, data=[event, *arguments]).encode()
        return encoded if isinstance(encoded, list) else [encoded]

    def basic_enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Add a client to a room."""
        super().basic_enter_room(sid, namespace, room, eio_sid=eio_sid)
        self._rooms[namespace, sid].add(room)
        client = self.server.eio.sockets.get(self.rooms[namespace][room][sid])
        if client is not None:
            self._clients[namespace, room][sid] = client

    def basic_leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Take a client out of a room."""
        super().basic_leave_room(sid, namespace, room)
        self._rooms.get((namespace, sid), set()).discard(room)
        clients = self._clients.get((namespace, room))
        if clients is not None:
            clients.pop(sid, None)
            if not clients:
                del self._clients[namespace, room]

    def basic_disconnect(self, sid: str, namespace: str, **options: Any) -> None:
        """Take a client out of all its rooms. The library would search every room there is, for each one who goes."""
        for room in self._rooms.pop((namespace, sid), set()):
            self.basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]
