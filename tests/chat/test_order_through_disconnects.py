"""Connections are lost in mid-sentence, on both sides: still everybody sees every message once, in one order."""

from __future__ import annotations

import os
import random
import sys
from threading import Event, Lock, Thread
from typing import Any

import pytest
from socketio.exceptions import SocketIOError

from tests.chat.stage import Stage, on_both_stages
from tests.chat_socket import ChatSocket
from tests.visitor import Visitor

QUICK = bool(os.environ.get("QUICK"))
SENDERS, LISTENERS, LINES, IN_FLIGHT = 20, 10, 12 if QUICK else 60, 4
CUT_AFTER = (0.05, 0.6)  # seconds that a connection lives, at random between these
SOON = 5.0
pytestmark = pytest.mark.prove


class Listener(Thread):
    """Reads; loses its connection again and again, and asks for what came after the last message it saw."""

    def __init__(self, visitor: Visitor, channel: str, seed: int, over: Event) -> None:
        super().__init__()
        self.visitor, self.channel, self.over = visitor, channel, over
        self.chance = random.Random(seed)
        self.heard: list[tuple[int, str]] = []
        self.cuts = 0

    def run(self) -> None:
        while not self.over.is_set():
            self.listen(self.chance.uniform(*CUT_AFTER))
            self.cuts += 1
        self.listen(0)

    def listen(self, seconds: float) -> None:
        """One connection: what was missed, then what comes, until it is cut."""
        socket = self.visitor.socket()
        try:
            after, answer = self.last, socket.join(self.channel, after=self.last)
            self.heard += [(message["id"], message["text"]) for message in answer["messages"]]
            while answer.get("gap"):
                answer = socket.join(self.channel, after=self.last)
                self.heard += [(message["id"], message["text"]) for message in answer["messages"]]
            told = self.last
            self.over.wait(seconds)
            socket.close()
            came = [(message["id"], message["text"]) for message in socket.received("message")]
            # What a join answered is not sent again, and what follows begins right after it.
            assert all(number > after for number, _ in came), f"{came[0]} came again after {after}"
            self.heard += [each for each in came if each[0] > told]
        finally:
            socket.close()

    @property
    def last(self) -> int:
        """The last message seen."""
        return self.heard[-1][0] if self.heard else 0


class Sender(Thread):
    """Says numbered lines, four in flight; what was not acknowledged when the connection broke is said again."""

    def __init__(self, visitor: Visitor, name: str, channel: str, seed: int) -> None:
        super().__init__()
        self.visitor, self.own_name, self.channel = visitor, name, channel
        self.chance = random.Random(seed)
        self.ids: dict[int, int] = {}
        self.cuts = self.repeats = 0
        self.lock = Lock()

    def run(self) -> None:
        tried: set[int] = set()
        while len(self.ids) < LINES:
            missing = [number for number in range(LINES) if number not in self.ids]
            socket = self.visitor.socket()
            burst = missing[: IN_FLIGHT * self.chance.randint(1, 4)]
            for start in range(0, len(burst), IN_FLIGHT):
                if not self.say(socket, burst[start : start + IN_FLIGHT], tried):
                    break
            socket.close()
            self.cuts += 1

    def say(self, socket: ChatSocket, numbers: list[int], tried: set[int]) -> bool:
        """Send up to four at once and wait for their answers, or cut the connection in the middle."""
        answered, cut = Event(), self.chance.random() < 0.3
        for number in numbers:
            self.repeats += number in tried
            tried.add(number)

            def note(answer: dict[str, Any], number: int = number) -> None:
                with self.lock:
                    self.ids[number] = answer["id"]
                    if all(each in self.ids for each in numbers):
                        answered.set()

            text = f"{self.own_name} {number}"
            try:
                socket.client.emit("send", {"channel": self.channel, "text": text, "nonce": text}, callback=note)
            except SocketIOError:
                return False
        return not cut and answered.wait(SOON)


@on_both_stages
def test_nothing_is_lost_doubled_or_out_of_order_however_often_connections_break(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    channel, over = stage.channel(), Event()
    guests = [stage.visitor() for _ in range(LISTENERS)]
    listeners = [Listener(guest, channel, number, over) for number, guest in enumerate(guests)]
    people = [stage.viewer("crew") for _ in range(SENDERS)]
    senders = [Sender(person, person.name, channel, 100 + number) for number, person in enumerate(people)]
    for thread in [*listeners, *senders]:
        thread.start()
    for sender in senders:
        sender.join(120)
    over.set()
    for listener in listeners:
        listener.join(60)
    assert not any(thread.is_alive() for thread in [*listeners, *senders])
    total = SENDERS * LINES
    numbers = [number for number, _ in listeners[0].heard]
    expected = list(range(1, total + 1))
    lost = sum(len(set(expected) - {number for number, _ in each.heard}) for each in listeners)
    doubled = sum(len(each.heard) - len(set(each.heard)) for each in listeners)
    disordered = sum(each.heard != sorted(each.heard) for each in listeners)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{total} lines, {sum(each.cuts for each in listeners)} listeners' and "
            f"{sum(each.cuts for each in senders)} senders' connections cut, "
            f"{sum(each.repeats for each in senders)} lines said again: "
            f"lost {lost}, doubled {doubled}, out of order {disordered}\n"
        )
    assert numbers == expected
    assert all(each.heard == listeners[0].heard for each in listeners), "not everybody heard the same"
    places = {text: number for number, text in listeners[0].heard}
    assert len(places) == total, "a line said again was stored twice"
    for sender in senders:
        own = [sender.ids[number] for number in range(LINES)]
        assert own == sorted(own), f"{sender.own_name}'s lines overtook each other"
        assert sender.ids == {number: places[f"{sender.own_name} {number}"] for number in range(LINES)}
    assert sum(each.repeats for each in senders) > 0, "nothing was ever said again"
