"""The database behind a running server, opened as its operator could: what is really stored, and stages set quickly."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import gevent
from dotenv import dotenv_values
from sqlalchemy import func, select, update

from app import create_app
from app.applications import letter, reveal
from app.applications.letter import Letter
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.audit.event import AuditEvent
from app.auth import lockout
from app.auth.announcement import Announcement, announce
from app.auth.session import UserSession
from app.auth.user import User
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.chat.message import Message
from app.chat.writer import Draft
from app.clock import now
from app.extensions import Base, db
from app.workers.duty import DutyRow
from config import Settings
from tests.streamzy_server import StreamzyServer

# Whatever a chat client does and is refused must leave every other table as it was.
# What comes and goes, or comes by itself soon after a server begins.
UNCOUNTED = {Announcement.__tablename__, DutyRow.__tablename__}
COUNTED = tuple(table for name, table in Base.metadata.tables.items() if name not in UNCOUNTED)


class Backstage:
    """An app of this process on the settings of ``server``. It serves nobody: it only looks, and sets up."""

    def __init__(self, server: StreamzyServer) -> None:
        written = {name: value or "" for name, value in dotenv_values(server.environment["ENV_FILE"]).items()}
        self.app = create_app(Settings.from_environment({**written, **server.environment}))

    @contextmanager
    def open(self) -> Iterator[None]:
        """Models and ``db.session`` work inside; what is not committed is rolled back."""
        with self.app.app_context():
            yield
            db.session.rollback()

    def close(self) -> None:
        """Let go of the database."""
        with self.app.app_context():
            db.engine.dispose()

    def create_account(self, name: str) -> str:
        """Create an account that nobody signs in with, such as a channel's owner; return its name."""
        with self.open():
            User.create(name, None)
            db.session.commit()
        return name

    def promote(self, name: str) -> None:
        """Make an account an admin, as if it had always been one: its sessions go on."""
        with self.open():
            self.account(name).role = "admin"
            announce("account_changed", account_id=self.account(name).id)
            db.session.commit()

    def require_new_password(self, name: str) -> None:
        """Put an account where a reset puts it: nothing works until the password is changed. Its sessions go on."""
        with self.open():
            self.account(name).must_change_password = True
            announce("account_changed", account_id=self.account(name).id)
            db.session.commit()

    def forget_tries(self, name: str) -> None:
        """Lift an account's lock, as an operator would."""
        with self.open():
            lockout.forget(self.account(name).id)
            db.session.commit()

    def let_time_pass(self, name: str, minutes: float) -> None:
        """Put an account where so much silence puts it: nobody did anything in any of its browsers."""
        silent_since = now() - timedelta(minutes=minutes)
        with self.open():
            theirs = update(UserSession).where(UserSession.account_id == self.account(name).id)
            db.session.execute(theirs.values(last_seen_at=silent_since, last_active_at=silent_since))
            db.session.commit()

    def let_sign_in_expire(self, slug: str) -> None:
        """Put the approved application for ``slug`` where a week puts it in which nobody fetched the sign-in."""
        with self.open():
            self.application(slug).reveal_until = now() - timedelta(minutes=1)
            db.session.flush()
            assert reveal.expire_all() == 1
            db.session.commit()

    def fail_to_mail(self, slug: str, kind: str, problem: str, *, for_good: bool) -> None:
        """Leave a letter about the application for ``slug`` as a try leaves it that met ``problem``."""
        with self.open():
            row = Letter(
                application_id=self.application(slug).id, kind=kind, tries=1, due_at=now() + timedelta(hours=1)
            )
            db.session.add(row)
            db.session.flush()
            letter.failed(row.id, problem, for_good=for_good)
            db.session.commit()

    def open_channel(self, slug: str, owner: str, members: tuple[str, ...] = (), **rules: Any) -> None:
        """Open a channel for an account; ``rules`` are the channel's columns (access, members_only, ...)."""
        with self.open():
            channel = Channel.open(slug, slug.title(), self.account(owner))
            self._apply(channel, rules)
            for name in members:
                db.session.add(Membership(channel_id=channel.id, account_id=self.account(name).id))
            db.session.commit()

    def write(self, slug: str, texts: Sequence[str]) -> None:
        """Store lines of the channel's owner through the one writer there is. Nobody is told: this is history."""
        with self.open():
            channel = self.channel(slug)
            owner = channel.owner
            session, _ = UserSession.start(owner, Actor(owner.username))
            db.session.commit()
            drafts = [
                Draft(channel.id, slug, owner.id, session.id, owner.username, [], "text", text, uuid.uuid4().hex, None)
                for text in texts
            ]
            writer = self.app.extensions["writer"]
            # Each in a greenlet, as in the server: one alone waits for its batch, all together are one.
            for stored in gevent.joinall([gevent.spawn(writer.store, draft) for draft in drafts], timeout=60):
                stored.get()

    def change_channel(self, slug: str, **rules: Any) -> None:
        """Change the channel's columns, and announce it as whoever changes them must."""
        with self.open():
            channel = self.channel(slug)
            self._apply(channel, rules)
            announce("channel_changed", channel_id=channel.id)
            db.session.commit()

    def _apply(self, channel: Channel, rules: dict[str, Any]) -> None:
        for name, value in rules.items():
            assert name in Channel.__table__.c, name
            setattr(channel, name, now() if value == "now" else value)

    def account(self, name: str) -> User:
        """The account, which must be there."""
        found = User.named(name)
        assert found, f"there is no account {name}"
        return found

    def application(self, slug: str) -> StreamerApplication:
        """The application for ``slug``, of which there must be one."""
        return db.session.scalars(select(StreamerApplication).where(StreamerApplication.slug == slug)).one()

    def channel(self, slug: str) -> Channel:
        """The channel, which must be there."""
        found = Channel.at(slug)
        assert found, f"there is no channel {slug}"
        return found

    def rows(self, slug: str) -> list[Any]:
        """The channel's stored messages in id order: id, author_id, nonce, kind, body, reply_to."""
        with self.open():
            columns = (Message.id, Message.author_id, Message.nonce, Message.kind, Message.body, Message.reply_to)
            query = select(*columns).where(Message.channel_id == self.channel(slug).id).order_by(Message.id)
            return list(db.session.execute(query))

    def tamper(self, slug: str, message_id: int, **columns: Any) -> None:
        """Do what somebody could who can write to the database and has no key."""
        with self.open():
            which = (Message.channel_id == self.channel(slug).id, Message.id == message_id)
            changed = db.session.execute(update(Message).where(*which).values(**columns))
            assert getattr(changed, "rowcount", 0) == 1
            db.session.commit()

    def stolen(self, slug: str, message_id: int) -> dict[str, Any]:
        """All that makes a stored body: to be put into another row."""
        with self.open():
            message = db.session.get_one(Message, (self.channel(slug).id, message_id))
            return {"body": message.body, "random_id": message.random_id, "data_key_id": message.data_key_id}

    def ids(self, slug: str) -> list[int]:
        """The ids of the channel's stored messages, in order."""
        return [row.id for row in self.rows(slug)]

    def events(self, event: str, target: str) -> list[AuditEvent]:
        """The audit events of one kind on one target."""
        with self.open():
            query = select(AuditEvent).where(AuditEvent.event == event, AuditEvent.target_name == target)
            found = list(db.session.scalars(query))
            db.session.expunge_all()
            return found

    def row_counts(self) -> dict[str, int]:
        """How many rows each table has, but for what the server writes by itself."""
        with self.open():
            return {table.name: db.session.scalar(select(func.count()).select_from(table)) or 0 for table in COUNTED}

    def every_value(self) -> Iterator[str]:
        """Every value of every row of every table, as text."""
        with self.open():
            for table in Base.metadata.sorted_tables:
                for row in db.session.execute(select(table)):
                    yield repr(tuple(row))
