"""Every event a socket may send says who may use it; a stranger's send is refused whatever else it holds."""

from __future__ import annotations

from app.chat.socket_events import GATES
from app.extensions import socketio
from tests.conftest import NewVisitor

ANSWERS: dict[str, set[str | None]] = {
    # gate: what a visitor without an account is told
    "everyone": {None},
    "who may read the channel": {"not_found", "bad_request"},  # there is no such channel for them
    "signed in, may write in the channel": {"not_signed_in", "not_found"},
    "who may moderate the channel": {"not_signed_in", "not_found"},
    "admins": {"not_signed_in"},
}
# Not events of a client: Socket.IO's own, and the answer to events that do not exist.
NOT_EVENTS = {"connect", "disconnect", "*"}


def test_every_registered_event_has_a_gate_that_is_known() -> None:
    registered = set(socketio.server.handlers["/"]) if socketio.server else set()
    registered |= {name for name, _, namespace in socketio.handlers if namespace == "/"}
    assert registered >= {"connect", "disconnect", "join", "send"}
    assert registered - NOT_EVENTS == set(GATES)
    assert set(GATES.values()) <= set(ANSWERS)


def test_no_event_lives_outside_the_namespace_that_is_guarded() -> None:
    namespaces = {namespace for _, _, namespace in socketio.handlers} | set(socketio.namespace_handlers or ())
    if socketio.server:
        namespaces |= set(socketio.server.handlers) | set(socketio.server.namespace_handlers)
    assert namespaces == {"/"}


def test_a_visitor_is_answered_as_each_gate_says(new_visitor: NewVisitor) -> None:
    socket = new_visitor().socket()
    for event, gate in GATES.items():
        answer = socket.call(
            event, {"channel": "no-such-channel", "text": "hello", "nonce": "1", "before": 1, "action": "clear"}
        )
        assert answer.get("error", {}).get("code") in ANSWERS[gate], (event, answer)
    assert socket.call("sudo", {})["error"]["code"] == "bad_request"
    assert socket.connected
