"""The writer: one per process. Sends queue up for a moment, are numbered, sealed and stored in one transaction,
then broadcast in the order of their ids, then acknowledged. One writer is also what keeps order: with a greenlet per
event, a database that is waited for lets one sender's messages overtake each other."""

from __future__ import annotations

import logging
import os
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import gevent
from flask import Flask
from gevent.event import AsyncResult, Event
from prometheus_client import Gauge, Histogram
from sqlalchemy import Connection, bindparam, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

import log_line
from app.channels.channel import Channel
from app.chat.admission import Admission
from app.chat.line import timestamp, wire
from app.chat.message import Message, seal_body
from app.chat.refusal import Refused
from app.chat.relay import Published
from app.clock import now
from app.encryption.data_key import data_keys
from app.extensions import db

GATHER_SECONDS = 0.002
MOST_IN_A_BATCH = 500
MOST_WAITING = 10_000  # beyond that a database hardly moves any more: who sends is told, instead of waiting for ever
BATCH_SIZE = Histogram(
    "streamzy_batch_messages", "Messages stored by one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
BATCH_SECONDS = Histogram(
    "streamzy_batch_seconds",
    "Time from taking a batch to having it on disk",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
)
QUEUED = Gauge("streamzy_queue_messages", "Messages that wait to be stored")
log = logging.getLogger(__name__)

# Built once: SQLAlchemy takes longer to build these than the database to answer them.
_channel: Any = Channel.__table__
TAKE_NUMBERS = (
    update(_channel)
    .where(_channel.c.id == bindparam("channel"), _channel.c.disabled_at.is_(None))
    .values(last_message_id=_channel.c.last_message_id + bindparam("many"))
    .returning(
        _channel.c.last_message_id,
        _channel.c.owner_id,
        _channel.c.access,
        _channel.c.members_only,
        _channel.c.slow_mode_seconds,
        _channel.c.unique_messages,
    )
)
GIVE_BACK = (
    update(_channel)
    .where(_channel.c.id == bindparam("channel"))
    .values(last_message_id=_channel.c.last_message_id - bindparam("many"))
)
STORED = select(Message.author_id, Message.nonce, Message.id, Message.sent_at).where(
    Message.channel_id == bindparam("channel"),
    tuple_(Message.author_id, Message.nonce).in_(bindparam("keys", expanding=True)),
)
INSERT = insert(Message.__table__)  # type: ignore[arg-type]  # declared as FromClause, is a Table


@dataclass
class Draft:
    """A message that passed every rule and waits to be stored."""

    channel_id: int
    slug: str
    author_id: int
    session_id: int
    username: str
    badges: list[str]
    kind: str
    text: str
    nonce: str
    reply_to: dict[str, Any] | None
    random_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    subject: log_line.Subject | None = field(default_factory=log_line.subject)

    @property
    def event_id(self) -> str:
        """By which the log knows the event that brought it."""
        return self.subject.event_id if self.subject else ""


@dataclass(frozen=True)
class Stored:
    """Where a draft came to stand."""

    id: int
    sent_at: datetime


Answer = Callable[[Stored | Refused], None]


class Writer:
    """The queue and the greenlet that empties it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._queue: list[tuple[Draft, Answer]] = []
        self._filled = Event()
        self._greenlet: gevent.Greenlet | None = None
        self._owner = 0
        self._storing = False
        self.closing = False  # this process is about to end: what is taken is stored, and nothing more is taken
        QUEUED.set_function(lambda: len(self._queue))

    def take(self, draft: Draft, answer: Answer) -> None:
        """Store ``draft`` with those that come at the same time; ``answer`` is called once it is broadcast.

        Raises Refused when too many wait already, or this process is ending.
        """
        if self.closing or len(self._queue) >= MOST_WAITING:
            raise Refused("unavailable")
        if self._greenlet is None or self._greenlet.dead or self._owner != os.getpid():
            self._greenlet, self._owner = gevent.spawn(self._run), os.getpid()
        self._queue.append((draft, answer))
        self._filled.set()

    def store(self, draft: Draft) -> Stored:
        """Store ``draft`` and wait until it is broadcast, holding no database connection. Raises Refused."""
        result = AsyncResult()
        self.take(draft, result.set)
        outcome: Stored | Refused = result.get()
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    def close(self, seconds: float) -> None:
        """Take nothing more; return once all that was taken is stored and answered, or after ``seconds``."""
        self.closing = True
        with gevent.Timeout(seconds, False):
            while self._queue or self._storing:
                gevent.sleep(0.01)

    def _run(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            gevent.sleep(GATHER_SECONDS)
            while self._queue:
                batch, self._queue = self._queue[:MOST_IN_A_BATCH], self._queue[MOST_IN_A_BATCH:]
                self._storing = True
                with self.app.app_context():
                    self._store_batch(batch)
                self._storing = False

    def _store_batch(self, batch: list[tuple[Draft, Answer]]) -> None:
        BATCH_SIZE.observe(len(batch))
        try:
            with BATCH_SECONDS.time():
                outcomes, published = _commit([draft for draft, _ in batch])
        except Exception:
            ids = [draft.event_id for draft, _ in batch]
            log.exception("a batch of %d messages was not stored", len(batch), extra={"events": ids})
            outcomes, published = [Refused("unavailable", request_id=event_id) for event_id in ids], []
        self.app.extensions["relay"].posted(published)
        for (draft, answer), outcome in zip(batch, outcomes, strict=True):
            try:
                answer(outcome)
            except Exception:  # one whose answer cannot be delivered must not keep the others from theirs
                told = {"events": [draft.event_id]}
                log.exception("a message was stored, and its sender could not be told", extra=told)


def _commit(drafts: list[Draft]) -> tuple[list[Stored | Refused], list[Published]]:
    """Store a batch in one transaction; returns each draft's outcome and what to broadcast, in id order."""
    try:
        return _try_to_commit(drafts, retries=False)
    except IntegrityError:  # a nonce is there already: somebody sends again what they never saw acknowledged
        return _try_to_commit(drafts, retries=True)


def _try_to_commit(drafts: list[Draft], *, retries: bool) -> tuple[list[Stored | Refused], list[Published]]:
    outcomes: dict[int, Stored | Refused] = {}
    published: list[Published] = []
    by_channel: dict[int, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_channel[draft.channel_id].append(draft)
    admissions = []
    with db.engine.begin() as connection:  # no session: looking after its objects costs more than a line's statements
        for channel_id in sorted(by_channel):  # always in this order: two workers must not lock each other out
            admission, shown = _insert(connection, channel_id, by_channel[channel_id], outcomes, retries)
            admissions.append(admission)
            if shown:
                published.append((channel_id, shown))
    for admission in admissions:
        admission.remember()
    return [outcomes[id(draft)] for draft in drafts], published


def _insert(
    connection: Connection,
    channel_id: int,
    drafts: list[Draft],
    outcomes: dict[int, Stored | Refused],
    retries: bool,
) -> tuple[Admission, list[dict[str, Any]]]:
    unique: dict[tuple[int, str], Draft] = {}
    for draft in drafts:
        unique.setdefault((draft.author_id, draft.nonce), draft)
    # Taking the numbers also takes the channel's row lock: what follows sees everything stored before.
    rules = connection.execute(TAKE_NUMBERS, {"channel": channel_id, "many": len(unique)}).first()
    admission = Admission(channel_id, rules)
    if rules is None:
        outcomes.update((id(draft), Refused("not_found")) for draft in drafts)
        return admission, []
    stored = _already_stored(connection, channel_id, list(unique)) if retries else {}
    new = {key: draft for key, draft in unique.items() if key not in stored}
    admission.look_up(connection, list(new.values()))
    refused = {key: refusal for key, draft in new.items() if (refusal := admission.refusal(draft))}
    if refused and not retries:  # what may not be said now may have been stored before
        stored = _already_stored(connection, channel_id, list(refused))
        refused = {key: refusal for key, refusal in refused.items() if key not in stored}
    fresh = [draft for key, draft in new.items() if key not in refused and key not in stored]
    if len(fresh) < len(unique):  # rare: give the numbers back, so that ids stay dense
        connection.execute(GIVE_BACK, {"channel": channel_id, "many": len(unique) - len(fresh)})
    first_id = rules.last_message_id - len(unique) + 1
    published = _insert_numbered(connection, channel_id, first_id, fresh, stored) if fresh else []
    for draft in drafts:
        key = (draft.author_id, draft.nonce)
        outcomes[id(draft)] = stored.get(key) or refused[key]
    return admission, published


def _insert_numbered(
    connection: Connection,
    channel_id: int,
    first_id: int,
    drafts: list[Draft],
    stored: dict[tuple[int, str], Stored],
) -> list[dict[str, Any]]:
    sent_at, rows, published = now(), [], []
    sent_at = sent_at.replace(microsecond=sent_at.microsecond // 1000 * 1000)
    told = timestamp(sent_at)
    key_id, key = data_keys().for_messages(channel_id, sent_at, connection)
    for message_id, draft in enumerate(drafts, start=first_id):
        rows.append(
            {
                "channel_id": channel_id,
                "id": message_id,
                "random_id": draft.random_id,
                "author_id": draft.author_id,
                "nonce": draft.nonce,
                "kind": draft.kind,
                "body": seal_body(key, message_id, draft.random_id, channel_id, draft.author_id, draft.text),
                "data_key_id": key_id,
                "reply_to": draft.reply_to["id"] if draft.reply_to else None,
                "sent_at": sent_at,
            }
        )
        stored[(draft.author_id, draft.nonce)] = Stored(message_id, sent_at)
        author = (draft.slug, draft.username, draft.badges)
        published.append(wire(message_id, *author, draft.kind, draft.text, told, draft.reply_to))
    connection.execute(INSERT, rows)
    return published


def _already_stored(
    connection: Connection, channel_id: int, keys: list[tuple[int, str]]
) -> dict[tuple[int, str], Stored]:
    rows = connection.execute(STORED, {"channel": channel_id, "keys": keys})
    return {(row.author_id, row.nonce): Stored(row.id, row.sent_at) for row in rows}
