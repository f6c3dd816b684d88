"""People in the middle of a conversation, whatever breaks around them, and what must be true of it afterwards.

They go on as browsers do: who loses the line comes back, joins after the last line seen, and sends again, with its
nonce, what was never acknowledged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from socketio.exceptions import SocketIOError

from tests.chat_socket import ChatSocket
from tests.visitor import Visitor

PEOPLE = 6
BEFORE, AFTER = 1.0, 2.0  # seconds of conversation around each fault


@dataclass
class Talker:
    """Somebody who writes one line after the other, reads everything, and does not give up."""

    visitor: Visitor
    channel: str
    done: Event
    acknowledged: dict[str, int] = field(default_factory=dict)
    seen: list[tuple[int, str]] = field(default_factory=list)
    lines: int = 0
    losses: int = 0

    def run(self) -> None:
        """Talk until ``done``, and until the last line is acknowledged."""
        waiting = ""
        while not self.done.is_set() or waiting:
            socket = None
            with suppress(SocketIOError, AssertionError, OSError):
                socket = self.visitor.socket()
                self.join(socket)
                while not self.done.is_set() or waiting:
                    if not waiting:
                        waiting = f"{self.visitor.name}-{self.lines}"
                        self.lines += 1
                    answer = socket.call("send", {"channel": self.channel, "text": waiting, "nonce": waiting}, 5)
                    if not answer["ok"]:
                        assert answer["error"]["code"] == "unavailable", answer
                        time.sleep(0.1)
                        continue
                    self.acknowledged[waiting], waiting = answer["id"], ""
            self.losses += 1
            if socket is not None:
                self.collect(socket)
                self.visitor.sockets.remove(socket)
                socket.close()
            time.sleep(0.05)

    def join(self, socket: ChatSocket) -> None:
        """Read on after the last line seen."""
        while True:
            answer = socket.join(self.channel, after=self.seen[-1][0] if self.seen else 0)
            self.seen += [(message["id"], message["text"]) for message in answer["messages"]]
            if not answer.get("gap"):
                return

    def collect(self, socket: ChatSocket) -> None:
        """Remember what was heard live."""
        self.seen += [(message["id"], message["text"]) for message in socket.received("message")]


def talk_through(fault: Callable[[], None], visitors: Iterable[Visitor], channel: str) -> None:
    """``visitors`` talk before, during and after ``fault``; nothing may be lost, doubled or reordered."""
    done = Event()
    talkers = [Talker(visitor, channel, done) for visitor in visitors]
    threads = [Thread(target=talker.run) for talker in talkers]
    for thread in threads:
        thread.start()
    time.sleep(BEFORE)
    try:
        fault()
        time.sleep(AFTER)
    finally:
        done.set()
        for thread in threads:
            thread.join(30)
    assert not any(thread.is_alive() for thread in threads), "somebody never got their last line acknowledged"
    check(talkers)


def check(talkers: list[Talker]) -> None:
    """What stands there is what was acknowledged, once each; and what each saw is that, in order, from the first."""
    reader = Talker(talkers[0].visitor, talkers[0].channel, Event())
    reader.join(reader.visitor.socket())
    stored = {text: number for number, text in reader.seen}
    assert [number for number, _ in reader.seen] == list(range(1, len(stored) + 1)), "lost, doubled or out of order"
    acknowledged = {text: number for talker in talkers for text, number in talker.acknowledged.items()}
    assert acknowledged == stored
    assert len(stored) >= 2 * len(talkers), "hardly anything was said"
    for talker in talkers:
        assert talker.seen == reader.seen[: len(talker.seen)], "heard otherwise than it stands there"
        talker.visitor.leave()
