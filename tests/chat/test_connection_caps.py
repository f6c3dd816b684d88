"""How many sockets one address and one account may hold open, how fast they may be opened, and for how long unused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.delivery.transport import UNUSED_SECONDS, CarefulSocket
from app.extensions import socketio
from tests.chat.raw_socket import RawWebSocket
from tests.chat.stage import PASSWORD, Stage, refusal
from tests.visitor import Visitor

PER_ADDRESS, PER_ACCOUNT, HANDSHAKES, JOINS = 4, 2, 10, 8  # what the strict server is set to

OpenSocket = Callable[[dict[str, str]], RawWebSocket | None]


@pytest.fixture
def open_socket(strict: Stage) -> Iterator[OpenSocket]:
    """Opens sockets, and holds them until the end; None where that is refused."""
    held: list[RawWebSocket] = []

    def attempt(headers: dict[str, str]) -> RawWebSocket | None:
        socket = RawWebSocket(strict.server.url, headers, connect=False)
        held.append(socket)
        socket.write("40")
        answer = socket.receive()
        assert answer.startswith("40{") or (answer.startswith("44{") and "rate_limited" in answer), answer
        return socket if answer.startswith("40{") else None

    yield attempt
    for socket in held:
        socket.close()


def coming_from(person: Visitor, address: dict[str, str]) -> dict[str, str]:
    """The headers of this person at that address."""
    return {"Cookie": person.cookie_header, **address}


def test_an_address_holds_so_many_sockets_and_one_more_when_one_is_closed(
    strict: Stage, open_socket: OpenSocket
) -> None:
    here = strict.address()
    sockets = [open_socket(here) for _ in range(PER_ADDRESS)]
    assert all(sockets)
    assert not open_socket(here)
    assert open_socket(strict.address()), "others come from elsewhere"
    assert sockets[0]
    sockets[0].close()
    assert any(open_socket(here) for _ in range(HANDSHAKES - PER_ADDRESS - 1)), "its place is never free again"


def test_an_account_holds_so_many_sockets_wherever_it_comes_from(strict: Stage, open_socket: OpenSocket) -> None:
    ada, boris = strict.viewer("ada"), strict.viewer("boris")
    elsewhere = strict.visitor().sign_in(ada.name, PASSWORD)
    assert open_socket(coming_from(ada, strict.address()))
    assert open_socket(coming_from(elsewhere, strict.address()))
    assert not open_socket(coming_from(ada, strict.address()))
    assert not open_socket(coming_from(elsewhere, strict.address()))
    assert open_socket(coming_from(boris, strict.address())), "others have room of their own"


def test_without_a_cap_nobody_is_refused(stage: Stage) -> None:
    ada, channel = stage.viewer("ada"), stage.channel()
    for _ in range(3 * PER_ADDRESS):
        assert ada.socket().join(channel)["viewers"] == 1


def test_sockets_cannot_be_opened_faster_than_the_limit(strict: Stage, open_socket: OpenSocket) -> None:
    here = strict.address()
    for _ in range(HANDSHAKES):
        if socket := open_socket(here):
            socket.close()
    late = RawWebSocket(strict.server.url, here, connect=False)
    late.write("40")
    answer = late.receive()
    late.close()
    assert answer.startswith("44")
    assert "retry_after" in answer, "the refusal says how long to wait"
    assert open_socket(strict.address())


def test_an_address_cannot_join_faster_than_the_limit(strict: Stage) -> None:
    channel, here = strict.channel(), strict.address()
    guest, other = strict.visitor(), strict.visitor()
    one, two = guest.socket(headers=here), guest.socket(headers=here)
    for number in range(JOINS):
        (one, two)[number % 2].join(channel)
    answer = one.call("join", {"channel": channel})
    assert refusal(answer) == "rate_limited"
    assert 1 <= answer["error"]["retry_after"] <= 60
    assert refusal(two.call("join", {"channel": channel})) == "rate_limited", "a second socket refills nothing"
    assert other.socket(headers=strict.address()).join(channel)["ok"]


def test_what_a_client_claims_before_the_proxy_adds_its_address_makes_it_nobody_else(
    strict: Stage, open_socket: OpenSocket
) -> None:
    here = strict.address()["X-Forwarded-For"]
    for number in range(PER_ADDRESS):
        assert open_socket({"X-Forwarded-For": f"10.251.0.{number}, {here}"})
    assert not open_socket({"X-Forwarded-For": f"10.251.0.9, {here}"})
    assert not open_socket({"X-Forwarded-For": here, "X-Real-IP": "10.251.0.9"})


def test_a_line_on_which_nobody_connects_is_hung_up_on_and_one_in_use_is_not(app: Flask) -> None:
    manager, engine = socketio.server.manager, socketio.server.eio
    manager.initialize()
    idle, used = CarefulSocket(engine, "idle"), CarefulSocket(engine, "used")
    for line in (idle, used):
        line.manager, line.opened_at = manager, time.monotonic()
        engine.sockets[line.sid] = line
    manager.pre_connect("used", "/")
    assert idle.check_ping_timeout()
    for line in (idle, used):
        line.opened_at -= UNUSED_SECONDS + 1
    assert not idle.check_ping_timeout(), "no cap counts it, and it stays for ever"
    assert idle.closed
    assert used.check_ping_timeout()
    assert not used.closed
