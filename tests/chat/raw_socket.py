"""A client that speaks Engine.IO by hand, so that it can say what no library would."""

from __future__ import annotations

import json
import time
from typing import Any

import requests
import websocket

WAIT_SECONDS = 5


class RawWebSocket:
    """A WebSocket on which every frame is written by hand. Connected to Socket.IO unless ``connect`` is False.

    ``patience`` in seconds: how long it waits for each answer.
    """

    def __init__(
        self, url: str, headers: dict[str, str] | None = None, connect: bool = True, patience: float = WAIT_SECONDS
    ) -> None:
        self.ended, self.patience = False, patience
        self.ws = websocket.create_connection(
            url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket",
            header=headers or {},
            suppress_origin=True,
            timeout=patience,
        )
        self.ws.settimeout(1)  # pings are answered meanwhile
        assert self.receive()[0] == "0", "no greeting"
        if connect:
            self.write("40")
            assert self.receive().startswith("40{"), "not connected"

    def write(self, frame: str | bytes) -> None:
        """Send one frame as it stands. Harmless when the server has hung up."""
        try:
            if isinstance(frame, bytes):
                self.ws.send_binary(frame)
            else:
                self.ws.send(frame)
        except (OSError, websocket.WebSocketException):
            self.ended = True

    def receive(self) -> str:
        """The next frame, pings answered; "" when the server has hung up. Raises AssertionError when nothing comes."""
        deadline = time.monotonic() + self.patience
        while not self.ended:
            assert time.monotonic() < deadline, "neither an answer nor a hang-up"
            try:
                frame = self.ws.recv()
            except websocket.WebSocketTimeoutException:
                continue
            except (OSError, websocket.WebSocketException):
                frame = ""
            if frame == "2":
                self.write("3")
            elif frame:
                return str(frame)
            else:
                self.ended = True
        return ""

    def receive_until(self, prefix: str) -> str:
        """The first frame that begins with ``prefix``; "" when the server hangs up before."""
        while frame := self.receive():
            if frame.startswith(prefix):
                return frame
        return ""

    def ask(self, event: str, payload: Any) -> dict[str, Any]:
        """Send one well-formed event; return its acknowledgement."""
        self.write("42999" + json.dumps([event, payload]))
        answer = self.receive_until("43999")
        assert answer, f"the server hung up on {payload!r:.200}"
        return dict(json.loads(answer[5:])[0])

    def close(self) -> None:
        """Hang up."""
        self.ws.shutdown()


class RawPolling:
    """Long polling by hand. Connected to Socket.IO."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers.update(headers or {})
        self.address = f"{url}/socket.io/?EIO=4&transport=polling"
        greeting = self.http.get(self.address, timeout=WAIT_SECONDS)
        assert greeting.status_code == 200, greeting.text
        self.address += "&sid=" + json.loads(greeting.text[1:])["sid"]
        assert self.post("40").status_code == 200
        assert self.poll().text.startswith("40{")

    def post(self, body: str | bytes, **headers: str) -> requests.Response:
        """Send packets, as they stand."""
        data = body.encode() if isinstance(body, str) else body
        sent = {"Content-Type": "text/plain;charset=UTF-8", **headers}
        return self.http.post(self.address, data=data, headers=sent, timeout=WAIT_SECONDS)

    def poll(self) -> requests.Response:
        """Wait for packets."""
        return self.http.get(self.address, timeout=40)

    def close(self) -> None:
        """Hang up, without a goodbye."""
        self.http.close()
