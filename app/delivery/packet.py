"""Packets as clients may send them: what is none, or is not for clients to send, goes no further."""

from __future__ import annotations

from typing import Any

from socketio.packet import ACK, CONNECT, DISCONNECT, EVENT, Packet

# Socket.IO calls its own handlers by these names: a client that sent "disconnect" as an event would be forgotten by
# everybody who counts or cuts sockets, and go on hearing what is said.
OWN_NAMES = ("connect", "disconnect", "*")


class Unreadable(ValueError):
    """A client sent what is no packet, or one that no client has a reason to send."""


class StrictPacket(Packet):
    """A packet whose decoding never fails in more than one way."""

    def decode(self, encoded_packet: Any) -> int:
        """As the library's. Raises Unreadable."""
        try:
            super().decode(encoded_packet)
        except Exception:  # JSON of ten thousand levels, a number of five thousand digits: the list never ends
            raise Unreadable from None
        if not self._is_expected():
            raise Unreadable
        if self.packet_type == EVENT and self.data[0] in OWN_NAMES:
            self.data[0] = f"client's {self.data[0]}"  # an event that does not exist, and is answered as such
        return 0

    def _is_expected(self) -> bool:
        if self.packet_type == CONNECT:
            return self.data is None or isinstance(self.data, dict)
        if self.packet_type == EVENT:
            return isinstance(self.data, list) and bool(self.data) and isinstance(self.data[0], str)
        # Nothing here is binary. Nothing asks a client for an acknowledgement, but one too many is harmless.
        return self.packet_type in (DISCONNECT, ACK)
