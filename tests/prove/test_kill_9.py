"""Acknowledged means on disk: whatever moment every process of the server dies at, no acknowledged line is lost."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import Any

import pytest
from socketio.exceptions import SocketIOError

from tests.chat_socket import ChatSocket
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

QUICK = bool(os.environ.get("QUICK"))
ROUNDS = 2 if QUICK else 50
CAST = ("ada", "boris", "chidi", "dana", "emre")
CHANNEL = "lighthouse"
PASSWORD = "Leuchtturm-7-morgens"
IN_FLIGHT = 4  # lines that one person has sent and not seen acknowledged: some are always caught by the kill

pytestmark = pytest.mark.prove


@dataclass
class Chatter:
    """One person who sends without pause, and remembers what was acknowledged. The nonce of a line is its text."""

    name: str
    visitor: Visitor
    sent: list[str] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: list[Any] = field(default_factory=list)
    socket: ChatSocket | None = None

    def connect(self) -> ChatSocket:
        self.socket = self.visitor.socket()
        self.socket.join(CHANNEL)
        return self.socket

    def send_until_cut(self) -> None:
        """Send line after line until the connection is gone."""
        socket = self.socket
        assert socket
        room = BoundedSemaphore(IN_FLIGHT)
        while socket.connected:
            if not room.acquire(timeout=0.2):
                continue
            text = f"{self.name}-{len(self.sent)}"
            self.sent.append(text)

            def acknowledge(answer: dict[str, Any], text: str = text) -> None:
                self.note(text, answer)
                room.release()

            try:
                payload = {"channel": CHANNEL, "text": text, "nonce": text}
                socket.client.emit("send", payload, callback=acknowledge)
            except SocketIOError:
                return

    def retry(self) -> None:
        """Send again, each with its own nonce, what may or may not have been stored."""
        socket = self.connect()
        for text in self.sent:
            if text not in self.acknowledged:
                self.note(text, socket.send(CHANNEL, text, nonce=text))

    def note(self, text: str, answer: dict[str, Any]) -> None:
        if answer["ok"]:
            self.acknowledged[text] = answer["id"]
        else:
            self.refused.append(answer)


def stored_lines(reader: ChatSocket) -> list[tuple[int, str]]:
    """Every line of the channel as (id, text), in the order in which it is served."""
    lines: list[tuple[int, str]] = []
    while True:
        answer = reader.join(CHANNEL, after=lines[-1][0] if lines else 0)
        lines += [(message["id"], message["text"]) for message in answer["messages"]]
        if not answer.get("gap"):
            return lines


def check(lines: list[tuple[int, str]], chatters: list[Chatter]) -> None:
    """What was acknowledged stands there once, under its id; what was not, at most once; nothing else does."""
    assert [number for number, _ in lines] == list(range(1, len(lines) + 1)), "ids are not dense and in order"
    by_text = {text: number for number, text in lines}
    assert len(by_text) == len(lines), "a line was stored twice"
    assert set(by_text) <= {text for chatter in chatters for text in chatter.sent}
    for chatter in chatters:
        assert not chatter.refused, chatter.refused[:3]
        lost = {text for text, number in chatter.acknowledged.items() if by_text.get(text) != number}
        assert not lost, f"{len(lost)} acknowledged lines are gone or moved, such as {sorted(lost)[:5]}"


@contextmanager
def sending(chatters: list[Chatter]) -> Iterator[None]:
    """Everybody sends without pause meanwhile; it ends once all of them are cut off, which is the caller's to do."""
    for chatter in chatters:
        chatter.connect()
    threads = [Thread(target=chatter.send_until_cut) for chatter in chatters]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "a client never noticed that the server is gone"


def live_until_killed(server: StreamzyServer, chatters: list[Chatter], seconds: float) -> None:
    """Everybody sends; after ``seconds`` every process of the server is killed."""
    with sending(chatters):
        time.sleep(seconds)
        server.kill9()


def test_kill_9_loses_no_acknowledged_line_and_a_retry_doubles_none(tmp_path: Path) -> None:
    chance = random.Random()
    with StreamzyServer(tmp_path, RATELIMIT_MESSAGES="1000000 per minute") as server:
        server.create_user("keeper", PASSWORD)
        server.create_channel(CHANNEL, owner="keeper")
        chatters = [Chatter(name, Visitor(server.url).register(name, PASSWORD)) for name in CAST]
        for _ in range(ROUNDS):
            before = sum(len(chatter.acknowledged) for chatter in chatters)
            live_until_killed(server, chatters, seconds=chance.uniform(0.3, 2.0))
            assert sum(len(chatter.acknowledged) for chatter in chatters) > before, "nobody got a word in"
            server.start()
            reader = chatters[0].connect()
            check(stored_lines(reader), chatters)
            for chatter in chatters:
                chatter.retry()
                assert set(chatter.acknowledged) == set(chatter.sent)
            check(stored_lines(reader), chatters)
            for chatter in chatters:
                chatter.visitor.close_sockets()
