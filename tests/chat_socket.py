"""A real Socket.IO client that remembers everything it was sent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from threading import Condition
from typing import Any

import engineio
import socketio

Event = tuple[str, Any]
WAIT_SECONDS = 10.0


class InOrder(engineio.Client):
    """The library gives each packet a thread of its own: they overtake each other, and we would blame the server."""

    def _trigger_event(self, event: str, *args: Any, **kwargs: Any) -> Any:
        return super()._trigger_event(event, *args, **{**kwargs, "run_async": False})


class InOrderClient(socketio.Client):
    """A client whose handlers see the packets in the order in which they came."""

    def _engineio_client_class(self) -> type[engineio.Client]:
        return InOrder


class ChatSocket:
    """One connected socket; ``events`` holds what came, in order, as (name, payload)."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        auth: Mapping[str, str] | None = None,
        transport: str = "websocket",
        certificate: str | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.arrived = Condition()
        sent = dict(headers or {})
        # The WebSocket library writes an Origin of its own beside ours: it has to be told which, or none.
        origin = {"origin": sent["Origin"]} if "Origin" in sent else {"suppress_origin": True}
        if transport == "websocket":
            sent.pop("Origin", None)
        tls: dict[str, Any] = {"sslopt": {"ca_certs": certificate}} if certificate else {}
        self.client = InOrderClient(reconnection=False, websocket_extra_options={**origin, **tls})
        self.client.on("*", self._remember)
        self.client.on("disconnect", self._disconnected)
        self.client.connect(
            url, headers=sent, auth=dict(auth) if auth else None, transports=[transport], wait_timeout=10
        )

    def _remember(self, name: str, payload: Any = None) -> None:
        with self.arrived:
            self.events.append((name, payload))
            self.arrived.notify_all()

    def _disconnected(self, *_reason: object) -> None:
        with self.arrived:
            self.arrived.notify_all()

    @property
    def connected(self) -> bool:
        """Whether the server still holds this socket."""
        return bool(self.client.connected)

    def call(self, event: str, payload: Any, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """Send ``event`` and return its acknowledgement. Raises socketio.exceptions.TimeoutError without one."""
        answer = self.client.call(event, payload, timeout=seconds)
        assert isinstance(answer, dict), f"the acknowledgement of {event} was {answer!r}"
        return answer

    def join(self, channel: str, **more: Any) -> dict[str, Any]:
        """Join ``channel`` and return the answer, which must be a yes."""
        answer = self.call("join", {"channel": channel, **more})
        assert answer["ok"], answer
        return answer

    def send(self, channel: str, text: str, nonce: str | None = None, **more: Any) -> dict[str, Any]:
        """Send one chat line and return its acknowledgement, whatever it says."""
        return self.call("send", {"channel": channel, "text": text, "nonce": nonce or uuid.uuid4().hex, **more})

    def received(self, name: str) -> list[Any]:
        """The payloads of every event ``name`` so far."""
        with self.arrived:
            return [payload for event, payload in self.events if event == name]

    def wait_for(self, predicate: Callable[[list[Event]], Any], seconds: float = WAIT_SECONDS) -> Any:
        """Wait until ``predicate`` of all events is true; return what it returned. Raises AssertionError if never."""
        with self.arrived:
            found = self.arrived.wait_for(lambda: predicate(self.events), seconds)
            assert found, f"not within {seconds} s; came: {self.events[-20:]}"
            return found

    def wait_for_event(self, name: str, seconds: float = WAIT_SECONDS, **fields: Any) -> Any:
        """Wait for an event ``name`` whose payload holds ``fields``; return the payload of the first one."""

        def first(events: list[Event]) -> tuple[Any] | None:
            for event, payload in events:
                if event == name and all(payload.get(key) == value for key, value in fields.items()):
                    return (payload,)
            return None

        return self.wait_for(first, seconds)[0]

    def wait_for_message(self, text: str, seconds: float = WAIT_SECONDS) -> Any:
        """Wait for the chat line ``text``; return its payload."""
        return self.wait_for_event("message", seconds, text=text)

    def wait_until_cut(self, seconds: float = WAIT_SECONDS) -> None:
        """Wait until the server has closed this socket."""
        deadline = time.monotonic() + seconds
        with self.arrived:
            while self.connected:
                assert time.monotonic() < deadline, f"still connected after {seconds} s"
                self.arrived.wait(0.05)  # the library clears its flag after telling us: look again soon

    def close(self) -> None:
        """Leave. Harmless when the server has closed it already."""
        self.client.disconnect()
        # The library lets go of a connection that the server ended without closing its own end.
        if self.client.eio.ws:
            self.client.eio.ws.shutdown()
        if self.client.eio.http:
            self.client.eio.http.close()
