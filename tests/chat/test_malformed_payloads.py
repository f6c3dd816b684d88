"""Whatever a client sends, it gets an error acknowledgement or is cut: nothing is stored, nothing breaks, nothing is
printed that an operator would have to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import websocket

from tests.chat.raw_socket import RawPolling, RawWebSocket
from tests.chat.stage import Stage, on_every_transport, refusal
from tests.visitor import Visitor

DEEP = "[" * 10_000 + "]" * 10_000
HUGE = "9" * 5000
SIZE = 64 * 1024

# What stands where the one JSON object belongs.
NO_OBJECTS = ["[]", '["x"]', "7", "-1", "1.5", "null", "true", '"text"', '""', "NaN", "Infinity", "1e999", DEEP, HUGE]


class Target:
    """A channel with one line in it, somebody signed in, and what every table held before."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.channel = stage.channel()
        self.ada: Visitor = stage.viewer("ada")
        assert self.ada.socket().send(self.channel, "before")["ok"]
        self.ada.close_sockets()
        self.counts = stage.backstage.row_counts()
        self.printed = len(stage.server.log)

    @property
    def cookie(self) -> dict[str, str]:
        """The header that makes a raw client this person."""
        return {"Cookie": self.ada.cookie_header}

    def check(self) -> None:
        """Nothing was stored, nothing was printed, and everybody else is served."""
        assert self.stage.backstage.row_counts() == self.counts
        said = self.stage.server.log[self.printed :].splitlines()
        # The library says each of a handful of things once in a process's life.
        too_much = [line for line in said if "further occurrences of this error" not in line]
        assert not too_much, "an attacker fills the log:\n" + "\n".join(too_much[-40:])
        assert self.ada.socket().send(self.channel, "after")["id"] == 2
        self.ada.close_sockets()


@pytest.fixture
def target(stage: Stage) -> Iterator[Target]:
    """Checks itself at the end."""
    made = Target(stage)
    yield made
    made.check()


def answered_or_cut(socket: RawWebSocket, number: int) -> dict[str, Any] | None:
    """The acknowledgement ``number``; None when the server hung up instead."""
    frame = socket.receive_until(f"43{number}")
    return json.loads(frame[len(f"43{number}") :])[0] if frame else None


@on_every_transport
@pytest.mark.parametrize("event", ["join", "leave", "send", "history", "active"])
def test_what_is_no_object_is_a_bad_request(target: Target, event: str) -> None:
    for payload in NO_OBJECTS:
        socket = RawWebSocket(target.stage.server.url, target.cookie)
        socket.write(f'427["{event}",{payload}]')
        answer = answered_or_cut(socket, 7)
        if answer is not None:
            assert refusal(answer) == "bad_request", (payload[:20], answer)
            assert socket.ask("join", {"channel": target.channel})["ok"], "the socket goes on"
        else:
            assert payload in (DEEP, HUGE), f"cut for {payload[:20]}"
        socket.close()


FIELDS: dict[str, list[Any]] = {
    "channel": [None, 7, True, [], {}, "", "x" * 65, "nul\x00", "new\nline", 1.5, 2**63],
    "text": [None, 7, True, ["x"], {"x": 1}, 1.5],
    "nonce": [None, 7, True, [], {}, "", "x" * 65, "nul\x00", "line\n", "\ud800", 1.5],
    "reply_to": [0, -1, True, "1", [], {}, 1.5, 2**53, 2**63, 2**64, -(2**63), 10**90],
    "after": [-1, True, "1", [], {}, 0.5, 2**53, 2**63, 2**64, 10**90],
    "before": [None, 0, -1, True, "1", [], {}, 0.5, 2**53, 2**63, 10**90],
    "limit": [0, -1, 101, True, "1", [], {}, 0.5, 2**63],
}
EVENTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "send": ({"channel": "", "text": "hello", "nonce": "n"}, ("channel", "text", "nonce", "reply_to")),
    "join": ({"channel": ""}, ("channel", "after")),
    "history": ({"channel": "", "before": 5}, ("channel", "before", "limit")),
}


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_every_field_is_of_its_type_and_size_or_the_event_is_refused(target: Target, event: str) -> None:
    fields, names = EVENTS[event]
    good = {**fields, "channel": target.channel}
    socket = RawWebSocket(target.stage.server.url, target.cookie)
    for name in names:
        for value in FIELDS[name]:
            assert refusal(socket.ask(event, {**good, name: value})) == "bad_request", (name, str(value)[:30])
        if name in good:
            assert refusal(socket.ask(event, {key: good[key] for key in good if key != name})) == "bad_request"
    socket.close()


def test_arguments_too_many_or_none_and_unknown_events_are_answered(target: Target) -> None:
    socket = RawWebSocket(target.stage.server.url, target.cookie)
    frames = [
        '["send"]',
        '["send",{},{}]',
        '["join"]',
        '["join",{"channel":"x"},7]',
        '["history",[],[],[]]',
        '["nosuch"]',
        '["nosuch",{}]',
        '["moderate",7]',
        '["message",{}]',
        '["signed_out",{}]',
        '["*",{}]',
        '["connect",{}]',
        '["disconnect"]',
        '["__class__",{}]',
    ]
    for number, frame in enumerate(frames, start=1):
        socket.write(f"42{number}{frame}")
        answer = answered_or_cut(socket, number)
        assert answer is not None, f"no answer to {frame}"
        assert refusal(answer) == "bad_request", (frame, answer)
    assert socket.ask("join", {"channel": target.channel})["ok"], "the socket goes on"
    socket.close()


# Frames that are no Socket.IO, or no Engine.IO, at all. What must not happen is stated by `target`.
NONSENSE: list[str | bytes] = [
    "",
    "9",
    "x",
    "4",
    "40",  # a second time
    "49",
    "42",
    "42{",
    "42[",
    "42[]",
    "42[1]",
    "42[null,{}]",
    "42[[],{}]",
    '42[{"a":1}]',
    '42"send"',
    "42{}",
    "427",
    '42/nosuch,["send",{}]',
    '42/,["send",{}]',
    "40/nosuch,",
    "40[]",
    '40{"token":',
    "41/nosuch,",
    "43[]",
    "43999[]",
    '439["x"]',
    "44",
    '44{"message":"x"}',
    "451-",
    '451-["send",{"_placeholder":true,"num":0}]',
    '4599999999-["send",{"_placeholder":true,"num":0}]',
    '461-0[{"_placeholder":true,"num":0}]',
    "45-[]",
    "5",
    "6",
    "1x",
    "2probe",
    "42" + "9" * 5000 + '["send",{}]',
    "4" + DEEP,
    "4null",
    "4{}",
    "4[1]",
    "d=",
    "d=%00",
    "42" + DEEP,
    '42["send",' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "]",
    '42["send",{"channel":"' + "x" * 100,
    "\x00",
    "42\x00[]",
    b"",
    b"\x00\x01\x02",
    b'2["send",{}]',
    b"\xff" * 1000,
]


@on_every_transport
def test_nonsense_is_ignored_or_ends_its_own_socket_alone(target: Target) -> None:
    listener = target.stage.visitor().socket()
    listener.join(target.channel)
    for frame in NONSENSE:
        socket = RawWebSocket(target.stage.server.url, target.cookie)
        socket.write(frame)
        socket.write('4277["join",{"channel":"no-such-harbour"}]')
        answered_or_cut(socket, 77)
        socket.close()
    assert listener.connected
    assert listener.events == [] or {name for name, _ in listener.events} == {"viewers"}


@on_every_transport
def test_nonsense_before_connecting_and_over_polling_is_no_different(target: Target) -> None:
    for frame in NONSENSE:
        early = RawWebSocket(target.stage.server.url, target.cookie, connect=False)
        early.write(frame)
        early.close()
        if isinstance(frame, str):
            poller = RawPolling(target.stage.server.url, target.cookie)
            assert poller.post(frame).status_code in (200, 400), frame[:30]
            poller.close()


@on_every_transport
def test_a_message_above_64_kilobytes_is_cut_off_and_one_below_is_answered(target: Target) -> None:
    def frame(size: int) -> str:
        head, tail = '4277["send",{"text":"x","nonce":"n","channel":"', '"}]'
        return head + "x" * (size - len(head) - len(tail)) + tail

    below = RawWebSocket(target.stage.server.url, target.cookie)
    below.write(frame(SIZE))
    answer = answered_or_cut(below, 77)
    assert answer is not None
    assert refusal(answer) == "bad_request"
    below.close()
    for size in (SIZE + 1, 1_000_000, 20_000_000):
        above = RawWebSocket(target.stage.server.url, target.cookie)
        above.write(frame(size))
        assert answered_or_cut(above, 77) is None, f"{size} bytes were read"
        above.close()


@on_every_transport
def test_fragments_do_not_add_up_to_more_than_64_kilobytes(target: Target) -> None:
    socket = RawWebSocket(target.stage.server.url, target.cookie)
    socket.ws.send_frame(fragment("42", first=True))
    for _ in range(20):
        if socket.ended:
            break
        try:
            socket.ws.send_frame(fragment("x" * 8192))
        except OSError:
            break
    assert socket.receive_until("43") == "", "an unfinished message fills the memory"
    socket.close()


def fragment(text: str, first: bool = False) -> Any:
    """A frame that is not the last of its message."""
    opcode = websocket.ABNF.OPCODE_TEXT if first else websocket.ABNF.OPCODE_CONT
    return websocket.ABNF.create_frame(text, opcode, fin=0)


def test_polling_takes_no_more_than_64_kilobytes_either(target: Target) -> None:
    for size in (SIZE + 1, 1_000_000):
        poller = RawPolling(target.stage.server.url, target.cookie)
        answer = poller.post('4277["send",{"channel":"' + "x" * size + '"}]')
        assert answer.status_code in (400, 413), answer.status_code
        poller.close()
    poller = RawPolling(target.stage.server.url, target.cookie)
    flood = "\x1e".join(['4277["active",{}]'] * 3000)
    assert poller.post(flood).status_code in (200, 400), "thousands of packets in one request"
    poller.close()


def test_a_polling_body_that_is_no_text_is_refused(target: Target) -> None:
    for body in (b"\xff\xfe\x00", b"b!!!", b"bAAECAw==", b"\x1e\x1e\x1e", b""):
        poller = RawPolling(target.stage.server.url, target.cookie)
        assert poller.post(body).status_code in (200, 400), body
        poller.close()


def test_a_handshake_that_is_none_gets_a_400(target: Target) -> None:
    for query in (
        "",
        "EIO=3&transport=polling",
        "EIO=4&transport=nosuch",
        "EIO=4&transport=polling&sid=nosuch",
        "EIO=%00",
    ):
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            answer = target.ada.http.request(method, f"{target.stage.server.url}/socket.io/?{query}", timeout=10)
            assert answer.status_code in (200, 400, 404, 405), (method, query, answer.status_code)
            assert "Traceback" not in answer.text
