"""Who may do what to whom in a channel: the one table, and the one place that asks it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from app.audit.actor import Actor
from app.audit.event import record
from app.auth.announcement import announce
from app.auth.user import User
from app.channels.channel import Channel
from app.channels.sanction import Sanction
from app.extensions import db

# From below to above. Members are viewers here: membership opens a door, it gives no power over others.
STANDINGS = ("viewer", "moderator", "streamer", "admin")

# The least one must be for each act.
LEAST = {
    "delete": "moderator",
    "timeout": "moderator",
    "ban": "moderator",
    "unban": "moderator",
    "clear": "moderator",
    "slow": "moderator",
    "members_only": "moderator",
    "add_member": "moderator",
    "remove_member": "moderator",
    "make_moderator": "streamer",
    "unmake_moderator": "streamer",
    "settings": "streamer",
}
# Acts on a person: never on oneself, on an equal or on a better.
ON_PEOPLE = frozenset({"timeout", "ban", "unban", "add_member", "remove_member", "make_moderator", "unmake_moderator"})
OWN_MESSAGE_WITHIN = timedelta(minutes=2)


def may(act: str, actor: str, target: str | None = None, *, oneself: bool = False, fresh: bool = False) -> bool:
    """Whether somebody who stands as ``actor`` may do ``act`` to somebody who stands as ``target``.

    ``oneself``: they are the same person; ``fresh``: the message is younger than two minutes.
    Raises KeyError for an act that is not in the table.
    """
    powerful = STANDINGS.index(actor) >= STANDINGS.index(LEAST[act])
    if act == "delete" and oneself:
        return powerful or fresh
    if act in ON_PEOPLE and oneself:
        return False
    above = target is None or STANDINGS.index(actor) > STANDINGS.index(target)
    return powerful and above


def standing(user: User, channel: Channel) -> str:
    """How ``user`` stands in ``channel``: one of STANDINGS."""
    if user.is_admin:
        return "admin"
    role = channel.role_of(user)
    return role if role in STANDINGS else "viewer"


class NotAllowed(Exception):
    """The act is not theirs to do. Nothing was done; whoever catches it puts the attempt on record."""

    def __init__(self, acting: Acting, act: str, target: User | None) -> None:
        super().__init__(act)
        self.actor, self.act = acting.actor, act
        self.channel_id, self.slug = acting.channel.id, acting.channel.slug
        self.target_id = target.id if target else None
        self.target_name = target.username if target else ""

    def put_on_record(self) -> None:
        """Add the attempt to the audit log, in a transaction of its own: what was begun has been rolled back."""
        record(
            "moderation.refused",
            self.actor,
            target_kind="account" if self.target_id else "channel",
            target_id=self.target_id or self.channel_id,
            target_name=self.target_name or self.slug,
            act=self.act,
            channel=self.slug,
        )


@dataclass(frozen=True)
class Acting:
    """Somebody who acts in a channel, as every door hands them to the verbs."""

    user: User
    channel: Channel
    actor: Actor

    def require(self, act: str, target: User | None = None, *, fresh: bool = False) -> None:
        """Raise NotAllowed unless they may do ``act`` to ``target`` at this moment of the transaction.

        Takes the channel's row first. The writer holds it while it stores: so what is said before this act is stored
        before it, and what comes later finds it done; and two who act at once act one after the other.
        """
        # Writes nothing new. SQLite has no row locks, but its one write lock does the same.
        db.session.execute(update(Channel).where(Channel.id == self.channel.id).values(slug=Channel.slug))
        db.session.expire_all()  # what was read before the lock may have changed
        held_back = not (act == "delete" and fresh) and Sanction.in_force(self.channel.id, self.user.id) is not None
        allowed = may(
            act,
            standing(self.user, self.channel),
            standing(target, self.channel) if target else None,
            oneself=target is not None and target.id == self.user.id,
            fresh=fresh,
        )
        if held_back or not allowed:
            raise NotAllowed(self, act, target)

    def note(self, event: str, target: User | None = None, **details: Any) -> None:
        """Put an act on record: on ``target``, else on the channel."""
        record(
            event,
            self.actor,
            target_kind="account" if target else "channel",
            target_id=target.id if target else self.channel.id,
            target_name=target.username if target else self.channel.slug,
            channel=self.channel.slug,
            **details,
        )

    def tell_account(self, target: User, what: str) -> None:
        """Have every worker look again at what ``target`` may do here. ``what`` happened, in one word."""
        announce("account_changed", account_id=target.id, channel_id=self.channel.id, reason=what)

    def tell_channel(self, *changed: str) -> None:
        """Have every worker look at the channel again, and tell its readers what ``changed``."""
        announce("channel_changed", channel_id=self.channel.id, details={"changed": list(changed)})
