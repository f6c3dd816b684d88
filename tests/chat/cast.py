"""A channel with somebody of each standing in it, two of most, and the acts of a moderator in short."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, update

from app.audit.actor import Actor
from app.auth.announcement import announce
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.policy import Acting
from app.channels.sanction import Sanction
from app.chat.message import Message
from app.clock import now
from app.extensions import db
from tests.chat.stage import Stage
from tests.chat_socket import ChatSocket
from tests.visitor import Visitor


@dataclass
class Cast:
    """``people`` by name; each has one socket, opened when it is first asked for."""

    stage: Stage
    channel: str
    people: dict[str, Visitor]
    sockets: dict[str, ChatSocket] = field(default_factory=dict)

    def name(self, who: str) -> str:
        """The user name of ``who``."""
        return self.people[who].name

    def socket(self, who: str) -> ChatSocket:
        """The socket of ``who``."""
        if who not in self.sockets:
            self.sockets[who] = self.people[who].socket()
        return self.sockets[who]

    def say(self, who: str, text: str, **more: Any) -> dict[str, Any]:
        """Let ``who`` say something; the answer, whatever it is."""
        return self.socket(who).send(self.channel, text, **more)

    def moderate(self, who: str, action: str, **what: Any) -> dict[str, Any]:
        """Let ``who`` moderate; ``username`` may be one of the cast. The answer, whatever it is."""
        if "username" in what:
            what["username"] = self.name(what["username"]) if what["username"] in self.people else what["username"]
        return self.socket(who).call("moderate", {"channel": self.channel, "action": action, **what})

    def done(self, who: str, action: str, **what: Any) -> None:
        """Let ``who`` moderate; it must be allowed."""
        answer = self.moderate(who, action, **what)
        assert answer["ok"], (who, action, what, answer)

    def events(self, event: str, who: str | None = None) -> list[Any]:
        """Audit events on ``who``, or on the channel."""
        return self.stage.backstage.events(event, self.name(who) if who else self.channel)

    @contextmanager
    def elsewhere(self, who: str = "keeper") -> Iterator[Acting]:
        """Act as ``who`` in another process than the server's: verbs take what this yields. Commits at the end."""
        with self.stage.backstage.open():
            user = self.stage.backstage.account(self.name(who))
            yield Acting(user, self.stage.backstage.channel(self.channel), Actor(user.username, user.id))
            db.session.commit()

    def backstage_channel(self) -> Channel:
        """The channel's row, inside ``stage.backstage.open()``."""
        return self.stage.backstage.channel(self.channel)

    def pardon(self) -> None:
        """Take every sanction away, as if there had been none, and have the server know."""
        with self.stage.backstage.open():
            channel = self.stage.backstage.channel(self.channel)
            db.session.execute(delete(Sanction).where(Sanction.channel_id == channel.id))
            announce("channel_changed", channel_id=channel.id)
            db.session.commit()

    def old_message(self, who: str) -> int:
        """Put a line of ``who`` into history, three minutes old; return its id."""
        answer = self.say(who, f"old news {uuid.uuid4().hex}")
        assert answer["ok"], answer
        with self.stage.backstage.open():
            channel = self.stage.backstage.channel(self.channel)
            which = (Message.channel_id == channel.id, Message.id == answer["id"])
            db.session.execute(update(Message).where(*which).values(sent_at=now() - timedelta(minutes=3)))
            db.session.commit()
        return int(answer["id"])


def assemble(stage: Stage, *names: str, **rules: Any) -> Cast:
    """Open a channel with its keeper, and whoever else is named: what begins with moderator, member or admin is one."""
    people = {name: stage.viewer(name[:12]) for name in ("keeper", *names)}
    channel = stage.channel(people["keeper"], **rules)
    with stage.backstage.open():
        channel_id = stage.backstage.channel(channel).id
        for name, person in people.items():
            account = stage.backstage.account(person.name)
            for role in ("moderator", "member"):
                if name.startswith(role):
                    db.session.add(Membership(channel_id=channel_id, account_id=account.id, role=role))
            if name.startswith("admin"):
                account.role = "admin"
        db.session.commit()
    return Cast(stage, channel, people)
