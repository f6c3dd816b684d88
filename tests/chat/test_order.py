"""Order: everybody sees every message once, in the order of the ids, and nobody's own lines overtake each other."""

from __future__ import annotations

from threading import BoundedSemaphore, Thread
from typing import Any

from tests.chat.stage import Stage, on_every_stage
from tests.chat_socket import ChatSocket

SENDERS, LISTENERS, LINES, IN_FLIGHT = 20, 10, 12, 4


class Sender(Thread):
    """Sends numbered lines, four at a time unacknowledged, and remembers their ids."""

    def __init__(self, name: str, socket: ChatSocket, channel: str) -> None:
        super().__init__()
        self.own_name, self.socket, self.channel = name, socket, channel
        self.ids: dict[int, int] = {}

    def run(self) -> None:
        room = BoundedSemaphore(IN_FLIGHT)
        for number in range(LINES):
            room.acquire(timeout=20)

            def note(answer: dict[str, Any], number: int = number) -> None:
                self.ids[number] = answer.get("id", -1)
                room.release()

            text = f"{self.own_name} {number}"
            self.socket.client.emit("send", {"channel": self.channel, "text": text, "nonce": text}, callback=note)
        for _ in range(IN_FLIGHT):  # all acknowledged
            room.acquire(timeout=20)


@on_every_stage
def test_many_speak_at_once_and_everybody_hears_the_same_in_one_order(stage: Stage) -> None:
    channel, guest = stage.channel(), stage.visitor()
    listeners = [guest.socket() for _ in range(LISTENERS)]
    for listener in listeners:
        listener.join(channel)
    senders = []
    for number in range(SENDERS // 4):  # four sockets of each person: order is each socket's, whoever's it is
        person = stage.viewer(f"crew-{number}")
        senders += [Sender(f"{person.name} {place}", person.socket(), channel) for place in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()
    total = SENDERS * LINES
    for listener in listeners:
        listener.wait_for_event("message", id=total, seconds=20)
    heard = [[(message["id"], message["text"]) for message in listener.received("message")] for listener in listeners]
    assert [number for number, _ in heard[0]] == list(range(1, total + 1)), "lost, doubled or out of order"
    assert all(one == heard[0] for one in heard[1:]), "not everybody heard the same"
    places = {text: number for number, text in heard[0]}
    for sender in senders:
        own = [sender.ids[number] for number in range(LINES)]
        assert own == sorted(own), f"{sender.own_name}'s lines overtook each other"
        assert own == [places[f"{sender.own_name} {number}"] for number in range(LINES)], "acknowledged as another"
