"""A channel's transcript for its streamer: what was said and is still there, written as it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import gevent
from sqlalchemy import func, select

from app import spreadsheet
from app.auth.user import User
from app.channels.stream_time import Streams
from app.chat.line import UNVERIFIED, timestamp
from app.chat.message import Message, open_body
from app.encryption.data_key import data_keys
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db

PAGE = 500  # decrypted before the others in this process have their turn


class Line(NamedTuple):
    """One message. ``into`` says how far into a stream it was said, if one was on."""

    id: int
    sent_at: datetime
    into: timedelta | None
    author: str
    kind: str
    text: str | None
    reply_to: int | None

    @property
    def offset(self) -> str:
        """As ``t+01:02:03``; '' while no stream was on."""
        if self.into is None:
            return ""
        seconds = int(self.into.total_seconds())
        return f"t+{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def count(channel_id: int) -> int:
    """How many messages there are to write."""
    return db.session.scalar(select(func.count()).select_from(Message).where(*_there(channel_id))) or 0


def lines(channel_id: int) -> Iterator[Line]:
    """The messages that were not removed, oldest first. Ends the transaction after each page, and holds only one."""
    streams = Streams(channel_id)
    columns = (Message.id, Message.random_id, Message.author_id, Message.kind, Message.body, Message.data_key_id)
    query = select(*columns, Message.reply_to, Message.sent_at, User.username).join(User, User.id == Message.author_id)
    query = query.where(*_there(channel_id)).order_by(Message.id).limit(PAGE)
    after = 0
    while page := db.session.execute(query.where(Message.id > after)).all():
        opened = [(row, _text(channel_id, row)) for row in page]
        db.session.rollback()
        for row, text in opened:
            into = streams.into(row.sent_at)
            yield Line(row.id, row.sent_at, into, row.username, row.kind, text, row.reply_to)
        after = page[-1].id
        gevent.sleep(0)


def as_jsonl(found: Iterable[Line]) -> Iterator[str]:
    """One object a line. ``unverified`` is there and true where the text is not what was written."""
    for line in found:
        shown: dict[str, Any] = {
            "id": line.id,
            "sent_at": timestamp(line.sent_at),
            "offset": line.offset or None,
            "author": line.author,
            "kind": line.kind,
            "text": UNVERIFIED if line.text is None else line.text,
            "reply_to": line.reply_to,
        }
        yield json.dumps(shown | ({"unverified": True} if line.text is None else {}), ensure_ascii=False) + "\n"


def as_csv(found: Iterable[Line]) -> Iterator[str]:
    """A heading, and a row for each, in which no cell is a formula."""
    yield spreadsheet.row("id", "sent_at", "offset", "author", "kind", "reply_to", "text")
    for line in found:
        text = UNVERIFIED if line.text is None else line.text
        replied = "" if line.reply_to is None else str(line.reply_to)
        yield spreadsheet.row(str(line.id), timestamp(line.sent_at), line.offset, line.author, line.kind, replied, text)


def as_text(found: Iterable[Line]) -> Iterator[str]:
    """A line for each, as one would print it. Further lines of a message stand further in: none passes for one."""
    for line in found:
        text = (UNVERIFIED if line.text is None else line.text).replace("\n", "\n" + " " * 36)
        said = f"* {line.author} {text}" if line.kind == "me" else f"<{line.author}> {text}"
        yield f"{line.sent_at:%Y-%m-%d %H:%M:%S}Z  {line.offset:<12}  {said}\n"


FORMATS: dict[str, tuple[str, Callable[[Iterable[Line]], Iterator[str]]]] = {
    "jsonl": ("application/jsonl", as_jsonl),
    "csv": ("text/csv", as_csv),
    "txt": ("text/plain", as_text),
}


def _there(channel_id: int) -> tuple[Any, ...]:
    return (Message.channel_id == channel_id, Message.deleted_at.is_(None))


def _text(channel_id: int, row: Any) -> str | None:
    try:
        key = data_keys().fernet(row.data_key_id)
    except EncryptionKeyError:  # its master key was dropped: one message, not the file
        key = None
    return open_body(key, row.id, row.random_id, channel_id, row.author_id, bytes(row.body))
