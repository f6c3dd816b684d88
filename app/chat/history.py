"""What was said in a channel, read page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Select, and_, bindparam, select, type_coerce
from sqlalchemy.types import NullType

from app.audit.actor import Actor
from app.audit.event import AuditEvent, record
from app.auth.user import User
from app.channels.channel import Channel, badges
from app.channels.membership import Membership
from app.chat.line import REMOVED, UNVERIFIED, Timestamp, wire
from app.chat.message import Message, open_body
from app.encryption.data_key import data_keys
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db

PAGE = 50
SNIPPET = 120
PAST_THE_LAST = 2**63 - 1

said: Any = Message.__table__
account: Any = User.__table__
member: Any = Membership.__table__
BELONGS = and_(member.c.account_id == said.c.author_id, member.c.channel_id == said.c.channel_id)


def newest(channel: Channel, limit: int = PAGE) -> tuple[list[dict[str, Any]], bool]:
    """The newest messages, oldest first, and whether there are older ones."""
    return before(channel, None, limit)


def before(channel: Channel, message_id: int | None, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Up to ``limit`` messages before ``message_id`` (None: the newest), oldest first; whether there are older ones."""
    rows = _rows(BEFORE, channel.id, edge=PAST_THE_LAST if message_id is None else message_id, most=limit + 1)
    return _lines(channel, rows[:limit][::-1]), len(rows) > limit


def after(channel: Channel, message_id: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The oldest ``limit`` messages after ``message_id``, oldest first, and whether more follow."""
    rows = _rows(AFTER, channel.id, edge=message_id, most=limit + 1)
    return _lines(channel, rows[:limit]), len(rows) > limit


def gone_among(channel: Channel, up_to: int, most: int) -> list[int]:
    """Which of the ``most`` messages up to the id ``up_to`` are not there any more: who was away still shows them."""
    up_to = min(up_to, channel.last_message_id)
    here = select(Message.id).where(
        Message.channel_id == channel.id,
        Message.id <= up_to,
        Message.id > up_to - most,
        Message.deleted_at.is_(None),
    )
    return sorted(set(range(max(1, up_to - most + 1), up_to + 1)).difference(db.session.scalars(here)))


def quoted(channel: Channel, message_id: int) -> dict[str, Any] | None:
    """The snippet that a reply to ``message_id`` shows, or None when there is no such message (any more)."""
    found = _lines(channel, _rows(BEFORE, channel.id, edge=message_id + 1, most=1))
    if not found or found[0]["id"] != message_id:
        return None
    return {"id": message_id, "username": found[0]["author"]["username"], "text": found[0]["text"][:SNIPPET]}


def _page() -> Select[*tuple[Any, ...]]:
    # Core, of columns, in one statement: an identity map of fifty messages costs more than decrypting them, and so
    # does making moments of texts of moments, only to make texts of them again.
    raw = [type_coerce(column, NullType()) for column in (said.c.random_id, said.c.body)]  # bytes on both databases
    return (
        select(said.c.id, raw[0], said.c.author_id, said.c.kind, raw[1], said.c.data_key_id)
        .add_columns(said.c.reply_to, type_coerce(said.c.sent_at, Timestamp()))
        .add_columns(account.c.username, account.c.role, member.c.role)
        .select_from(said.join(account, account.c.id == said.c.author_id).outerjoin(member, BELONGS))
        .where(said.c.channel_id == bindparam("channel"), said.c.deleted_at.is_(None))
        .limit(bindparam("most"))
    )


# Built once: SQLAlchemy takes longer to build these than the database to answer them.
BEFORE = _page().where(said.c.id < bindparam("edge")).order_by(said.c.id.desc())
AFTER = _page().where(said.c.id > bindparam("edge")).order_by(said.c.id)
QUOTED = (
    select(said.c.id, said.c.random_id, said.c.author_id, said.c.body, said.c.data_key_id, account.c.username)
    .join(account, account.c.id == said.c.author_id)
    .where(said.c.channel_id == bindparam("channel"), said.c.id.in_(bindparam("ids", expanding=True)))
    .where(said.c.deleted_at.is_(None))
)


def _rows(query: Select[*tuple[Any, ...]], channel_id: int, **asked: object) -> Sequence[Any]:
    return db.session.connection().execute(query, {"channel": channel_id, **asked}).all()


class _Keys(dict[int, Fernet | None]):
    """What opens the messages of one page: each key is looked up once."""

    def __missing__(self, key_id: int) -> Fernet | None:
        try:
            self[key_id] = data_keys().fernet(key_id)
        except EncryptionKeyError:  # its master key was dropped while we serve: one message, not the page
            self[key_id] = None
        return self[key_id]


def _lines(channel: Channel, rows: Sequence[Any]) -> list[dict[str, Any]]:
    keys, channel_id, slug, owner_id = _Keys(), channel.id, channel.slug, channel.owner_id
    replied_to = [row[6] for row in rows if row[6] is not None]
    snippets = _snippets(channel_id, list(set(replied_to)), keys) if replied_to else {}
    lines = []
    for message_id, random_id, author_id, kind, body, key_id, reply_to, sent_at, username, role, role_here in rows:
        text = open_body(keys[key_id], message_id, random_id, channel_id, author_id, body)
        worn = badges(role, "streamer" if author_id == owner_id else role_here)
        reply = None if reply_to is None else snippets.get(reply_to) or _removed(reply_to)
        line = wire(message_id, slug, username, worn, kind, text or UNVERIFIED, sent_at, reply)
        if text is None:
            line["unverified"] = True
            _record_unverified(channel, message_id)
        lines.append(line)
    return lines


def _snippets(channel_id: int, ids: list[int], keys: _Keys) -> dict[int, dict[str, Any]]:
    """What replies show of these messages, by id."""
    found = {}
    for message_id, random_id, author_id, body, key_id, username in _rows(QUOTED, channel_id, ids=ids):
        text = open_body(keys[key_id], message_id, random_id, channel_id, author_id, body) or UNVERIFIED
        found[message_id] = {"id": message_id, "username": username, "text": text[:SNIPPET]}
    return found


def _removed(message_id: int) -> dict[str, Any]:
    return {"id": message_id, "username": "", "text": REMOVED}


def _record_unverified(channel: Channel, message_id: int) -> None:
    """Put it on record, once however often the page is opened. The door that reads commits."""
    which = f"{channel.slug}/{message_id}"
    known = select(AuditEvent.id).where(AuditEvent.event == "message.unverified", AuditEvent.target_name == which)
    if db.session.scalar(known.limit(1)) is None:
        record(
            "message.unverified", Actor(name="streamzy"), target_kind="message", target_id=message_id, target_name=which
        )
