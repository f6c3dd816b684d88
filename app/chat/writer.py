"""The writer: one per process. Sends queue up for a moment, are numbered, sealed and stored in one transaction,
then broadcast in the order of their ids, then acknowledged. One writer is also what keeps order: with a greenlet per
event, a database that is waited for lets one sender's messages overtake each other."""

from __future__ import annotations

import logging
import os
import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import gevent
from flask import Flask
from gevent.event import AsyncResult, Event
from prometheus_client import Gauge, Histogram
from sqlalchemy import insert, select, tuple_, update

from app.channels.channel import Channel
from app.chat import broadcasts
from app.chat.admission import Admission
from app.chat.message import Message, seal_body, wire
from app.chat.refusal import Refused
from app.clock import now
from app.encryption.data_key import data_keys
from app.extensions import db

GATHER_SECONDS = 0.002
MOST_IN_A_BATCH = 500
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


@dataclass(frozen=True)
class Stored:
    """Where a draft came to stand."""

    id: int
    sent_at: datetime


class Writer:
    """The queue and the greenlet that empties it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._queue: list[tuple[Draft, AsyncResult]] = []
        self._filled = Event()
        self._greenlet: gevent.Greenlet | None = None
        self._owner = 0
        QUEUED.set_function(lambda: len(self._queue))

    def store(self, draft: Draft) -> Stored:
        """Store ``draft`` and broadcast it; returns once it is on disk. Raises Refused when it is not."""
        if self._greenlet is None or self._greenlet.dead or self._owner != os.getpid():
            self._greenlet, self._owner = gevent.spawn(self._run), os.getpid()
        result = AsyncResult()
        self._queue.append((draft, result))
        self._filled.set()
        stored: Stored = result.get()
        return stored

    def _run(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            gevent.sleep(GATHER_SECONDS)
            while self._queue:
                batch, self._queue = self._queue[:MOST_IN_A_BATCH], self._queue[MOST_IN_A_BATCH:]
                with self.app.app_context():
                    self._store_batch(batch)

    def _store_batch(self, batch: list[tuple[Draft, AsyncResult]]) -> None:
        BATCH_SIZE.observe(len(batch))
        try:
            with BATCH_SECONDS.time():
                outcomes, published = _commit([draft for draft, _ in batch])
        except Exception:
            db.session.rollback()
            log.exception("a batch of %d messages was not stored", len(batch))
            outcomes, published = [Refused("unavailable")] * len(batch), []
        for channel_id, message in published:
            broadcasts.message_posted(channel_id, message)
        for (_, result), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Refused):
                result.set_exception(outcome)
            else:
                result.set(outcome)


def _commit(drafts: list[Draft]) -> tuple[list[Stored | Refused], list[tuple[int, dict[str, Any]]]]:
    """Store a batch in one transaction; returns each draft's outcome and what to broadcast, in id order."""
    outcomes: dict[int, Stored | Refused] = {}
    published: list[tuple[int, dict[str, Any]]] = []
    by_channel: dict[int, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_channel[draft.channel_id].append(draft)
    admissions = []
    for channel_id in sorted(by_channel):  # always in this order: two workers must not lock each other out
        admission, shown = _insert(channel_id, by_channel[channel_id], outcomes)
        admissions.append(admission)
        published += shown
    db.session.commit()
    for admission in admissions:
        admission.remember()
    return [outcomes[id(draft)] for draft in drafts], published


def _insert(
    channel_id: int, drafts: list[Draft], outcomes: dict[int, Stored | Refused]
) -> tuple[Admission, list[tuple[int, dict[str, Any]]]]:
    unique: dict[tuple[int, str], Draft] = {}
    for draft in drafts:
        unique.setdefault((draft.author_id, draft.nonce), draft)
    # Taking the numbers also takes the channel's row lock: what follows sees everything stored before.
    rules = db.session.execute(
        update(Channel)
        .where(Channel.id == channel_id, Channel.disabled_at.is_(None))
        .values(last_message_id=Channel.last_message_id + len(unique))
        .returning(
            Channel.last_message_id,
            Channel.owner_id,
            Channel.access,
            Channel.members_only,
            Channel.slow_mode_seconds,
            Channel.unique_messages,
        )
    ).first()
    admission = Admission(channel_id, rules)
    if rules is None:
        outcomes.update((id(draft), Refused("not_found")) for draft in drafts)
        return admission, []
    stored = _already_stored(channel_id, list(unique))
    new = {key: draft for key, draft in unique.items() if key not in stored}
    admission.look_up(list(new.values()))
    refused = {key: refusal for key, draft in new.items() if (refusal := admission.refusal(draft))}
    fresh = [draft for key, draft in new.items() if key not in refused]
    if len(fresh) < len(unique):  # rare: give the numbers back, so that ids stay dense
        db.session.execute(
            update(Channel)
            .where(Channel.id == channel_id)
            .values(last_message_id=Channel.last_message_id - (len(unique) - len(fresh)))
        )
    first_id = rules.last_message_id - len(unique) + 1
    published = _insert_numbered(channel_id, first_id, fresh, stored) if fresh else []
    for draft in drafts:
        key = (draft.author_id, draft.nonce)
        outcomes[id(draft)] = stored.get(key) or refused[key]
    return admission, published


def _insert_numbered(
    channel_id: int, first_id: int, drafts: list[Draft], stored: dict[tuple[int, str], Stored]
) -> list[tuple[int, dict[str, Any]]]:
    sent_at, rows, published = now(), [], []
    sent_at = sent_at.replace(microsecond=sent_at.microsecond // 1000 * 1000)
    key_id, key = data_keys().for_messages(channel_id, sent_at)
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
        shown = wire(
            message_id, draft.slug, draft.username, draft.badges, draft.kind, draft.text, sent_at, draft.reply_to
        )
        published.append((channel_id, shown))
    db.session.execute(insert(Message.__table__), rows)  # type: ignore[arg-type]  # declared as FromClause, is a Table
    return published


def _already_stored(channel_id: int, keys: list[tuple[int, str]]) -> dict[tuple[int, str], Stored]:
    rows = db.session.execute(
        select(Message.author_id, Message.nonce, Message.id, Message.sent_at).where(
            Message.channel_id == channel_id, tuple_(Message.author_id, Message.nonce).in_(keys)
        )
    )
    return {(row.author_id, row.nonce): Stored(row.id, row.sent_at) for row in rows}
