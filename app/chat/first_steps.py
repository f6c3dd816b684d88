"""What a new streamer is shown on their channel's page: three steps, each of which can be skipped."""

from __future__ import annotations

from dataclasses import dataclass

from app.channels.channel import Channel
from app.channels.membership import MODERATOR, Membership


@dataclass(frozen=True)
class Step:
    """One thing to do: what, why, where in the settings, and whether it is done."""

    title: str
    why: str
    section: str
    done: bool


def first_steps(channel: Channel) -> list[Step]:
    """The three steps, in the order in which they are of use."""
    return [
        Step(
            "Say what it is about, and what holds here",
            "A line about the channel, and house rules: people read them before they write.",
            "about",
            bool(channel.description and channel.rules),
        ),
        Step(
            "Put your stream beside the chat",
            "Its address is enough. Without one the page is all chat.",
            "stream",
            bool(channel.stream_url),
        ),
        Step(
            "Name somebody who looks after the chat",
            "Moderators delete messages and time people out while you are busy streaming.",
            "moderators",
            bool(Membership.listed(channel.id, MODERATOR)),
        ),
    ]
