"""Whether every stored message can still be read, and stands where it was written. Nothing of them is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select, tuple_

from app.channels.channel import Channel
from app.chat.message import Message, open_body
from app.encryption.data_key import DataKey, data_keys
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db

PAGE = 1000
SAMPLE = 500  # data keys
COLUMNS = (Message.channel_id, Message.id, Message.random_id, Message.author_id, Message.body, Message.data_key_id)


class Problem(NamedTuple):
    """A message that cannot be shown: where it stands, and why not."""

    channel: str
    id: int
    problem: str


def count() -> int:
    """How many messages there are to look at."""
    return db.session.scalar(select(func.count()).select_from(Message)) or 0


def pages() -> Iterator[tuple[int, list[Problem]]]:
    """Decrypt every message; yields, page by page, how many were looked at and what is wrong among them."""
    slugs = {channel_id: slug for channel_id, slug in db.session.execute(select(Channel.id, Channel.slug))}
    place = tuple_(Message.channel_id, Message.id)
    after = (0, 0)
    while page := db.session.execute(select(*COLUMNS).where(place > after).order_by(*COLUMNS[:2]).limit(PAGE)).all():
        found = ((row, _problem(row)) for row in page)
        yield len(page), [Problem(slugs.get(row.channel_id, "?"), row.id, problem) for row, problem in found if problem]
        after = (page[-1].channel_id, page[-1].id)


def sample(most: int = SAMPLE) -> tuple[int, list[Problem]]:
    """Decrypt the first and the last message under each of up to ``most`` data keys that are not destroyed.

    Returns how many were looked at and what is wrong among them.
    """
    slugs = {channel_id: slug for channel_id, slug in db.session.execute(select(Channel.id, Channel.slug))}
    ends = (
        select(Message.channel_id, func.min(Message.id).label("first"), func.max(Message.id).label("last"))
        .join(DataKey, DataKey.id == Message.data_key_id)
        .where(DataKey.wrapped.is_not(None))
        .group_by(Message.channel_id, Message.data_key_id)
        .order_by(Message.channel_id, Message.data_key_id)
        .limit(most)
    ).subquery()
    at_an_end = and_(Message.channel_id == ends.c.channel_id, Message.id.in_([ends.c.first, ends.c.last]))
    rows = db.session.execute(select(*COLUMNS).join(ends, at_an_end)).all()
    found = ((row, _problem(row)) for row in rows)
    return len(rows), [Problem(slugs.get(row.channel_id, "?"), row.id, problem) for row, problem in found if problem]


def _problem(row: Any) -> str:
    try:
        key = data_keys().fernet(row.data_key_id)
    except EncryptionKeyError as error:
        return str(error)
    if key is None:
        return "its data key is gone"
    text = open_body(key, row.id, row.random_id, row.channel_id, row.author_id, row.body)
    return "changed, or not where it was written" if text is None else ""
