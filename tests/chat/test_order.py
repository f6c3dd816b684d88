"""Order: everybody sees every message once, in the order of the ids, and nobody's own lines overtake each other."""

from __future__ import annotations

from tests.chat.crowd import Sender, all_speak_and_all_hear
from tests.chat.stage import Stage, on_every_stage

SENDERS, LISTENERS, LINES = 20, 10, 12


@on_every_stage
def test_many_speak_at_once_and_everybody_hears_the_same_in_one_order(stage: Stage) -> None:
    channel, guest = stage.channel(), stage.visitor()
    listeners = [guest.socket() for _ in range(LISTENERS)]
    for listener in listeners:
        listener.join(channel)
    senders = []
    for number in range(SENDERS // 4):  # four sockets of each person: order is each socket's, whoever's it is
        person = stage.viewer(f"crew-{number}")
        senders += [Sender(f"{person.name} {place}", person.socket(), channel, LINES) for place in range(4)]
    all_speak_and_all_hear(senders, listeners)
