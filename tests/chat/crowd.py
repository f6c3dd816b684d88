"""Many who speak at once, and many who must hear the same."""

from __future__ import annotations

from threading import BoundedSemaphore, Thread
from typing import Any

from tests.chat_socket import ChatSocket

IN_FLIGHT = 4


class Sender(Thread):
    """Sends ``lines`` numbered lines, four at a time unacknowledged, and remembers their ids."""

    def __init__(self, name: str, socket: ChatSocket, channel: str, lines: int) -> None:
        super().__init__()
        self.own_name, self.socket, self.channel, self.lines = name, socket, channel, lines
        self.ids: dict[int, int] = {}

    def run(self) -> None:
        room = BoundedSemaphore(IN_FLIGHT)
        for number in range(self.lines):
            room.acquire(timeout=20)

            def note(answer: dict[str, Any], number: int = number) -> None:
                self.ids[number] = answer.get("id", -1)
                room.release()

            text = f"{self.own_name} {number}"
            self.socket.client.emit("send", {"channel": self.channel, "text": text, "nonce": text}, callback=note)
        for _ in range(IN_FLIGHT):  # all acknowledged
            room.acquire(timeout=20)


def all_speak_and_all_hear(senders: list[Sender], listeners: list[ChatSocket]) -> None:
    """Every listener hears every line once, in the order of ids, and no sender's own lines overtake each other."""
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()
    total = sum(sender.lines for sender in senders)
    for listener in listeners:
        listener.wait_for_event("message", id=total, seconds=20)
    heard = [[(message["id"], message["text"]) for message in listener.received("message")] for listener in listeners]
    assert [number for number, _ in heard[0]] == list(range(1, total + 1)), "lost, doubled or out of order"
    assert all(one == heard[0] for one in heard[1:]), "not everybody heard the same"
    places = {text: number for number, text in heard[0]}
    for sender in senders:
        own = [sender.ids[number] for number in range(sender.lines)]
        assert own == sorted(own), f"{sender.own_name}'s lines overtook each other"
        assert own == [places[f"{sender.own_name} {number}"] for number in range(sender.lines)], (
            "acknowledged as another"
        )
