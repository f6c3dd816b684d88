"""Two Streamzys behind nginx, set up as docs/deploy says: who is who, and what a restart of each in turn costs."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import requests
import websocket
from sqlalchemy import select
from websockets.asyncio.client import connect
from websockets.typing import Origin

from app.audit.event import AuditEvent
from app.extensions import db
from tests.chat.backstage import Backstage
from tests.chat_socket import ChatSocket
from tests.postgres import PrivatePostgres
from tests.private_nginx import PrivateNginx
from tests.private_redis import PrivateRedis
from tests.prove.talkers import PEOPLE, talk_through
from tests.streamzy_server import StreamzyServer
from tests.visitor import FromAddress, Visitor

PASSWORD = "Leuchtturm-7-morgens"
SENDERS, LINES, IN_FLIGHT = 12, 50 if os.environ.get("QUICK") else 400, 8
pytestmark = [pytest.mark.prove, pytest.mark.postgres]


class Guest(Visitor):
    """Somebody who comes through nginx, and knows its certificate."""

    def __init__(self, nginx: PrivateNginx, address: str = "127.0.0.1") -> None:
        super().__init__(nginx.url, address)
        self.trusted = str(nginx.certificate)
        self.http.mount("https://", FromAddress(address))
        self.http.verify = self.trusted

    def open_socket(self, headers: dict[str, str], transport: str) -> ChatSocket:
        """Open the chat's socket over TLS."""
        return ChatSocket(self.url, headers, transport=transport, certificate=self.trusted)


@dataclass
class House:
    """Everything that a site of two Streamzys consists of."""

    nginx: PrivateNginx
    servers: list[StreamzyServer]
    backstage: Backstage
    guests: list[Guest] = field(default_factory=list)

    def guest(self, name: str = "", address: str = "127.0.0.1") -> Guest:
        """Somebody who visits; with a name, somebody who has an account."""
        guest = Guest(self.nginx, address)
        self.guests.append(guest)
        if name:
            guest.register(name, PASSWORD)
        return guest


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, postgres: PrivatePostgres, migrated_postgres: str
) -> Iterator[House]:
    """One database, one Redis, one .env, two gunicorns, one nginx."""
    folder = tmp_path_factory.mktemp("house")
    settings = {
        "DATABASE_URL": postgres.create_database(template=migrated_postgres),
        "TRUSTED_PROXIES": "1",
        "SESSION_COOKIE_SECURE": "true",
        "RATELIMIT_MESSAGES": "1000000 per minute",
    }
    with PrivateRedis() as redis:
        settings["REDIS_URL"] = redis.url
        first, second = StreamzyServer(folder, **settings), StreamzyServer(folder, **settings)
        nginx = PrivateNginx(tmp_path_factory.mktemp("nginx"), [first.port, second.port])
        for server in (first, second):
            server.environment["PUBLIC_URL"] = nginx.url
        with first, second, nginx:
            backstage = Backstage(first)
            house = House(nginx, [first, second], backstage)
            yield house
            for guest in house.guests:
                guest.leave()
            backstage.close()


def test_each_person_is_known_by_their_real_address_whatever_they_claim(house: House) -> None:
    house.guest("wren", address="127.0.0.7")
    liar = house.guest(address="127.0.0.8")
    liar.http.headers.update({"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "::1"})
    liar.register("pelle", PASSWORD)
    with house.backstage.open():
        came = select(AuditEvent.actor_name, AuditEvent.ip).where(AuditEvent.event == "account.registered")
        assert {name: ip for name, ip in db.session.execute(came)} == {"wren": "127.0.0.7", "pelle": "127.0.0.8"}


def test_pages_come_over_tls_alone_and_private_links_stay_out_of_the_log(house: House) -> None:
    guest = house.guest()
    plain = requests.get(f"http://localhost:{house.nginx.plain}/login", allow_redirects=False, timeout=10)
    assert (plain.status_code, plain.headers["Location"]) == (301, "https://localhost/login")
    answer = guest.get("/login")
    assert answer.headers["Strict-Transport-Security"]
    for name in ("X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy", "Content-Security-Policy"):
        assert "," not in answer.headers[name], f"{name} came twice"
    assert all(cookie.secure for cookie in guest.http.cookies)
    assert guest.get("/apply/status/a-private-link").status_code == 404
    assert "/apply/status/..." in house.nginx.log and "a-private-link" not in house.nginx.log


def test_a_websocket_of_another_site_is_refused_and_one_of_ours_is_not(house: House) -> None:
    address = house.nginx.url.replace("https", "wss") + "/socket.io/?EIO=4&transport=websocket"
    tls = {"ca_certs": str(house.nginx.certificate)}
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(address, origin="https://elsewhere.example.org", sslopt=tls, timeout=10)
    websocket.create_connection(address, origin=house.nginx.url, sslopt=tls, timeout=10).shutdown()


def test_everybody_hears_everything_once_in_one_order_whichever_server_they_came_to(house: House) -> None:
    house.backstage.open_channel("harbour", house.backstage.create_account("keeper"))
    ada, guest = house.guest("ada"), house.guest()
    listeners, speakers = [guest.socket() for _ in range(6)], [ada.socket() for _ in range(6)]
    for listener in listeners:
        listener.join("harbour")
    for server in house.servers:
        lines = [line for line in server.processes()[1].net_connections("tcp") if line.status == "ESTABLISHED"]
        assert len(lines) == 6, "nginx deals them out by turns"
    for number in range(60):
        assert speakers[number % 6].send("harbour", f"line {number}")["id"] == number + 1
    for listener in listeners:
        listener.wait_for_message("line 59")
        heard = [(message["id"], message["text"]) for message in listener.received("message")]
        assert heard == [(number + 1, f"line {number}") for number in range(60)]


@dataclass
class Chatterbox:
    """Somebody who has several lines under way at once, and reads meanwhile: one thread, as in a browser.

    Two threads of Python, one that reads a TLS line and one that writes it, can lock each other out.
    """

    guest: Guest
    channel: str
    acknowledged: list[tuple[int, int]] = field(default_factory=list)  # number of the line, id, as they came
    heard: list[tuple[int, str]] = field(default_factory=list)

    async def talk(self, all_here: asyncio.Barrier) -> None:
        """Once everybody reads, send every line, and stay until everybody's were heard."""
        address = self.guest.url.replace("https", "wss") + "/socket.io/?EIO=4&transport=websocket"
        trust = ssl.create_default_context(cafile=self.guest.trusted)
        cookie = {"Cookie": self.guest.cookie_header}
        sent = 0
        async with connect(address, ssl=trust, additional_headers=cookie, origin=Origin(self.guest.url)) as line:
            async for frame in line:
                text = str(frame)
                if text.startswith("0"):
                    await line.send("40")
                elif text == "2":
                    await line.send("3")
                elif text.startswith("40"):
                    await line.send(f'420["join",{{"channel":"{self.channel}"}}]')
                elif text.startswith("43"):
                    number, _, answer = text[2:].partition("[")
                    answer = json.loads(f"[{answer}")[0]
                    assert answer["ok"], answer
                    if number == "0":
                        await all_here.wait()
                    else:
                        self.acknowledged.append((int(number), answer["id"]))
                elif text.startswith('42["message"'):
                    message = json.loads(text[2:])[1]
                    self.heard.append((message["id"], message["text"]))
                while text.startswith("43") and sent < LINES and sent - len(self.acknowledged) < IN_FLIGHT:
                    sent += 1
                    said = f"{self.guest.name} {sent}"
                    await line.send(
                        f"42{sent}{json.dumps(['send', {'channel': self.channel, 'text': said, 'nonce': said}])}"
                    )
                if len(self.acknowledged) == LINES and len(self.heard) == SENDERS * LINES:
                    return


def test_lines_under_way_at_once_over_tls_keep_their_order_and_each_is_acknowledged(house: House) -> None:
    house.backstage.open_channel("strait", house.backstage.create_account("keeper-of-the-strait"))
    talkers = [Chatterbox(house.guest(f"chatterbox-{number}"), "strait") for number in range(SENDERS)]

    async def everybody() -> None:
        all_here = asyncio.Barrier(SENDERS)
        async with asyncio.timeout(120):
            await asyncio.gather(*(talker.talk(all_here) for talker in talkers))

    with ThreadPoolExecutor(1) as apart:  # in this thread a browser's driver may have a loop of its own
        apart.submit(lambda: asyncio.run(everybody())).result()
    texts = [text for _, text in talkers[0].heard]
    for talker in talkers:
        assert [number for number, _ in talker.heard] == list(range(1, SENDERS * LINES + 1))
        assert [text for _, text in talker.heard] == texts, "not everybody heard the same"
        assert [number for number, _ in talker.acknowledged] == list(range(1, LINES + 1)), "out of order"
        said = {text: number for number, text in talker.heard}
        assert all(said[f"{talker.guest.name} {number}"] == stored for number, stored in talker.acknowledged)


def test_a_rolling_restart_behind_nginx_loses_doubles_and_reorders_nothing(house: House) -> None:
    house.backstage.open_channel("quay", house.backstage.create_account("keeper-of-the-quay"))
    people = [house.guest(f"talker-{number}") for number in range(PEOPLE)]

    def roll() -> None:
        for server in house.servers:
            server.restart()
            time.sleep(1)

    talk_through(roll, people, "quay")
