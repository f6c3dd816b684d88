"""A channel's settings: what they may be, and changing them. Each change is on record and told to whoever reads."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from app.channels.channel import Channel
from app.channels.policy import Acting
from app.channels.stream_time import StreamTime
from app.clock import now

LONGEST_TITLE, LONGEST_DESCRIPTION, LONGEST_RULES, MOST_RULES = 80, 500, 2000, 20
MOST_SLOW_SECONDS = 300
ACCESS = ("public", "accounts", "private")
MOST_RETENTION_DAYS = 3650
NAMES = (
    "title",
    "description",
    "rules",
    "stream_url",
    "access",
    "members_only",
    "slow_mode_seconds",
    "unique_messages",
    "retention_days",
)
# Long texts: the log says that they changed, not from what to what.
NOT_QUOTED = ("description", "rules")


class ChangedMeanwhile(Exception):
    """The settings are not those that were looked at."""


def seen(channel: Channel) -> str:
    """A mark of the settings as they are: a form carries it, so that nobody overwrites what they have not seen."""
    state = json.dumps([getattr(channel, name) for name in NAMES])
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def change(acting: Acting, wanted: dict[str, Any], looked_at: str = "") -> list[str]:
    """Set what differs; returns its names. Raises ChangedMeanwhile, NotAllowed, KeyError for what is no setting."""
    acting.require("settings")
    channel = acting.channel
    if looked_at and looked_at != seen(channel):
        raise ChangedMeanwhile
    changed = [name for name, value in wanted.items() if getattr(channel, name) != value]
    for name in changed:
        if name not in NAMES:
            raise KeyError(name)
        quoted = {} if name in NOT_QUOTED else {"before": getattr(channel, name), "after": wanted[name]}
        setattr(channel, name, wanted[name])
        acting.note("channel.changed", what=name, **quoted)
    if changed:
        acting.tell_channel(*changed)
    return changed


def set_live(acting: Acting, on: bool) -> None:
    """Say that the stream is on, or over. Raises NotAllowed."""
    acting.require("settings")
    if on != (acting.channel.live_since is not None):
        moment = now()
        acting.channel.live_since = moment if on else None
        StreamTime.begin(acting.channel.id, moment) if on else StreamTime.end(acting.channel.id, moment)
        acting.note("channel.changed", what="live", after=on)
        acting.tell_channel("live")


def introduced(acting: Acting) -> None:
    """The streamer is through with the first steps, or skips them: they are shown no more. Raises NotAllowed."""
    acting.require("settings")
    acting.channel.introduced_at = acting.channel.introduced_at or now()


def set_password(acting: Acting, password_hash: str | None) -> None:
    """Let whoever knows a password become a member, or (None) nobody. Raises NotAllowed. Members stay members."""
    acting.require("settings")
    acting.channel.password_hash = password_hash
    acting.note("channel.changed", what="password", after="set" if password_hash else "removed")
    acting.tell_channel()
