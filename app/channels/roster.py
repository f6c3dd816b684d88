"""Who belongs to a channel: adding and removing members and moderators. Each change is on record and felt at once."""

from __future__ import annotations

from app.auth.announcement import announce
from app.auth.user import User
from app.channels.channel import Channel
from app.channels.membership import MEMBER, MODERATOR, Membership
from app.channels.policy import Acting
from app.clock import now
from app.extensions import db
from app.upsert import insert


class NoChange(ValueError):
    """There is nothing to do; ``str()`` says why, for a person."""


def add_member(acting: Acting, target: User) -> None:
    """Let somebody read a private channel, and write where only members may. Raises NoChange, NotAllowed."""
    acting.require("add_member", target)
    if Membership.of(acting.channel.id, target.id) is not None:
        raise NoChange(f"{target.username} belongs to the channel already.")
    db.session.add(Membership(channel_id=acting.channel.id, account_id=target.id))
    acting.note("member.added", target)
    acting.tell_account(target, "member")


def remove_member(acting: Acting, target: User) -> None:
    """Take somebody out of the channel, whatever they were in it. Raises NoChange, NotAllowed."""
    acting.require("remove_member", target)
    membership = Membership.of(acting.channel.id, target.id)
    if membership is None:
        raise NoChange(f"{target.username} does not belong to the channel.")
    acting.note("member.removed", target, was=membership.role)
    db.session.delete(membership)
    acting.tell_account(target, "no_member")


def make_moderator(acting: Acting, target: User) -> None:
    """Trust somebody with moderating. Raises NoChange, NotAllowed."""
    acting.require("make_moderator", target)
    membership = Membership.of(acting.channel.id, target.id)
    if membership is None:
        db.session.add(Membership(channel_id=acting.channel.id, account_id=target.id, role=MODERATOR))
    elif membership.role == MODERATOR:
        raise NoChange(f"{target.username} is a moderator already.")
    else:
        membership.role = MODERATOR
    acting.note("moderator.added", target)
    acting.tell_account(target, "moderator")


def unmake_moderator(acting: Acting, target: User) -> None:
    """Trust somebody with moderating no longer: they stay a member. Raises NoChange, NotAllowed."""
    acting.require("unmake_moderator", target)
    membership = Membership.of(acting.channel.id, target.id)
    if membership is None or membership.role != MODERATOR:
        raise NoChange(f"{target.username} is not a moderator.")
    membership.role = MEMBER
    acting.note("moderator.removed", target)
    acting.tell_account(target, "no_moderator")


def join(channel: Channel, user: User) -> None:
    """Make a member of somebody who knew the channel's password. Harmless when they are one."""
    values = {"channel_id": channel.id, "account_id": user.id, "role": MEMBER, "added_at": now()}
    db.session.execute(insert(Membership).values(values).on_conflict_do_nothing())
    announce("account_changed", account_id=user.id, channel_id=channel.id, reason="member")
