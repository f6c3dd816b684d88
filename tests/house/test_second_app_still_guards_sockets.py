"""A second app in one process keeps every socket handler.

Flask-SocketIO hands decorated handlers to the first app only, unless they were registered before init_app: a second one
would then have no check at the door, and let anybody in.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_socketio import SocketIOTestClient

from app import create_app
from app.chat.socket_events import GATES
from app.extensions import socketio
from config import Settings


@pytest.fixture
def second(app: Flask, environment: dict[str, str]) -> Iterator[Flask]:
    """A second app on the same database."""
    second = create_app(Settings.from_environment(environment))
    # Its watch would go on after the test, and meet a database that is gone: here it counts as started.
    watch = second.extensions["listener"]
    watch.start = lambda: None
    yield second


def test_the_second_app_has_every_handler(second: Flask) -> None:
    assert set(socketio.server.handlers["/"]) == {*GATES, "connect", "disconnect", "*"}


def test_the_second_app_turns_away_who_shows_a_token_nobody_knows(second: Flask) -> None:
    assert SocketIOTestClient(second, socketio).is_connected(), "a visitor may connect"
    stranger = SocketIOTestClient(second, socketio, auth={"token": "stolen"})
    assert not stranger.is_connected()


def test_the_second_app_refuses_what_a_visitor_may_not(second: Flask) -> None:
    visitor = SocketIOTestClient(second, socketio)
    answer = visitor.emit("send", {"channel": "stella", "text": "hello", "nonce": "1"}, callback=True)
    assert answer["error"]["code"] in ("not_found", "not_signed_in")
    assert visitor.emit("join", "not an object", callback=True)["error"]["code"] == "bad_request"
