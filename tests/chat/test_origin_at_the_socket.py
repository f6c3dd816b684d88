"""Only pages of this site open sockets: a foreign page that rides on somebody's cookie is refused unheard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
import websocket

from tests.chat.raw_socket import RawPolling
from tests.chat.stage import Stage, on_every_transport
from tests.visitor import Visitor


def foreign_origins(stage: Stage) -> list[str]:
    """Origins that are not this site's, however much they look like it."""
    port, host = stage.server.port, "127.0.0.1"
    return [
        "https://evil.example",
        "null",
        f"https://{host}:{port}",
        f"http://{host}",
        f"http://{host}:{port + 1}",
        f"http://{host}:{port}.evil.example",
        f"http://{host}.evil.example:{port}",
        f"http://evil.example/{host}:{port}",
        f"http://{host}:{port}@evil.example",
        f"http://evil{host}:{port}",
        f"http://localhost:{port}",
        f"http://{host}:{port}/",
        f"ws://{host}:{port}",
        f"file://{host}:{port}",
        "chrome-extension://abcdefghijklmnop",
    ]


def polling(stage: Stage, headers: dict[str, str]) -> int:
    """The status of a handshake by long polling."""
    url = f"{stage.server.url}/socket.io/?EIO=4&transport=polling"
    return requests.get(url, headers=headers, timeout=10).status_code


def upgrade(stage: Stage, headers: dict[str, str]) -> int:
    """The status of a handshake by WebSocket."""
    try:
        opened = websocket.create_connection(
            stage.server.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket",
            header=[f"{name}: {value}" for name, value in headers.items()],
            suppress_origin=True,
            timeout=10,
        )
    except websocket.WebSocketBadStatusException as refused:
        return int(refused.status_code)
    opened.shutdown()
    return 101


WAYS: dict[str, tuple[Callable[[Stage, dict[str, str]], int], int]] = {
    "polling": (polling, 200),
    "websocket": (upgrade, 101),
}


@pytest.fixture
def ada(stage: Stage) -> Visitor:
    """Somebody whose cookie a foreign page would like to ride on."""
    return stage.viewer("ada")


@on_every_transport
@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_page_of_this_site_opens_a_socket_and_no_other_page_does(stage: Stage, ada: Visitor, way: str) -> None:
    shake_hands, welcome = WAYS[way]
    cookie = {"Cookie": ada.cookie_header}
    assert shake_hands(stage, {**cookie, "Origin": stage.server.url}) == welcome
    for origin in foreign_origins(stage):
        assert shake_hands(stage, {**cookie, "Origin": origin}) == 400, origin


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_program_that_names_no_origin_is_let_in(stage: Stage, ada: Visitor, way: str) -> None:
    shake_hands, welcome = WAYS[way]
    assert shake_hands(stage, {"Cookie": ada.cookie_header}) == welcome


@pytest.mark.parametrize("way", sorted(WAYS))
def test_no_header_makes_a_foreign_page_ours(stage: Stage, ada: Visitor, way: str) -> None:
    shake_hands, _ = WAYS[way]
    for name in ("X-Forwarded-Host", "X-Forwarded-Server", "Forwarded", "X-Original-Host", "X-Host"):
        claim = {"Forwarded": "host=evil.example;proto=http"}.get(name, "evil.example")
        headers = {"Cookie": ada.cookie_header, "Origin": "http://evil.example", name: claim}
        assert shake_hands(stage, {**headers, "X-Forwarded-Proto": "http"}) == 400, name


def test_a_foreign_page_cannot_take_over_a_socket_that_is_open(stage: Stage, ada: Visitor) -> None:
    channel = stage.channel()
    poller = RawPolling(stage.server.url, {"Cookie": ada.cookie_header, "Origin": stage.server.url})
    line = '421["send",{"channel":"%s","text":"%s","nonce":"%s"}]'
    assert poller.post(line % (channel, "mine", "1")).status_code == 200
    assert poller.post(line % (channel, "forged", "2"), Origin="https://evil.example").status_code == 400
    answer = requests.get(poller.address, headers={"Origin": "https://evil.example"}, timeout=10)
    assert answer.status_code == 400
    assert "mine" not in answer.text
    while '"ok":true' not in (
        told := poller.poll().text
    ):  # a send is acknowledged once it is stored, not when it is taken
        assert '"ok":false' not in told, told
    assert len(stage.backstage.ids(channel)) == 1
    poller.close()


def test_no_answer_invites_a_foreign_page_to_read_it(stage: Stage, ada: Visitor) -> None:
    url = f"{stage.server.url}/socket.io/?EIO=4&transport=polling"
    for method in ("GET", "OPTIONS"):
        answer = requests.request(method, url, headers={"Origin": "https://evil.example"}, timeout=10)
        assert "Access-Control-Allow-Origin" not in answer.headers, method
