"""What the processes of one instance tell each other, sealed: posted messages, that there is news, who reads what,
and answers to what one of them asks."""

from __future__ import annotations

import base64
import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

import gevent
from cryptography.fernet import Fernet, InvalidToken
from flask import Flask
from gevent.queue import Queue
from redis.exceptions import RedisError

from app.auth.announcement import committed
from app.chat import admission, broadcasts, presence
from app.chat.order import Order
from app.encryption.data_key import data_keys
from app.workers.bus import Bus

SENDER_BYTES = 8
log = logging.getLogger(__name__)

Published = tuple[int, list[dict[str, Any]]]  # a channel's id, and messages of it in id order


class Relay:
    """One process's ear and mouth. Without REDIS_URL it is deaf and dumb: what this process stores is all there is."""

    def __init__(self, app: Flask, url: str) -> None:
        self.app, self._url = app, url
        self.me = secrets.token_bytes(SENDER_BYTES)
        self._key: Fernet | None = None
        self._bus: Bus | None = None
        self._order: Order | None = None
        self.answering: dict[str, Callable[[], Any]] = {}  # what this process answers, by question
        self._asked: dict[str, Queue] = {}

    def start(self) -> None:
        """Begin to hear the others, once in a process, inside an application context."""
        if not self._url or self._bus is not None:
            return
        keys = data_keys()
        # Derived, not the look-up key itself; and no look-up hash of any text can be this: 0xff is no UTF-8.
        secret = keys.mac(keys.current_id("lookup"), b"\xffkey of the bus")
        name = keys.mac(keys.current_id("lookup"), b"\xffname of the bus").hex()[:16]  # several may share one Redis
        self._key = Fernet(base64.urlsafe_b64encode(secret))
        self._order = Order(self.app, lambda channel_id: broadcasts.is_held(channel_id) or presence.read(channel_id))
        self._bus = Bus(self._url, f"streamzy:{name}", self._pack, self._hear, self._connected)
        committed.connect(self._on_committed)
        self._bus.start()

    @property
    def alive(self) -> bool:
        """Whether the others are heard at once."""
        return self._bus is not None and self._bus.alive

    def posted(self, published: list[Published]) -> None:
        """Messages were stored by this process: tell everybody who reads their channels, here and elsewhere."""
        if self._bus is None or self._order is None:
            for channel_id, messages in published:
                broadcasts.messages_posted(channel_id, messages)
            return
        self._bus.say(["posted", published])
        for channel_id, messages in published:
            self._order.take(channel_id, messages)

    def follow(self, channel_id: int, last_id: int) -> None:
        """Somebody is about to read the channel through this process; ``last_id`` is stored already."""
        if self._order is not None:
            self._order.follow(channel_id, last_id)

    def look(self, turn: int) -> None:
        """Fetch what the bus lost: every half second while it is away, else every two."""
        if self._order is not None and (not self.alive or turn % 4 == 0):
            self._order.look(impatient=not self.alive)

    def share_presence(self, *, anyway: bool) -> None:
        """Tell the others who reads what here, if it changed or ``anyway``."""
        if self._bus is not None and (anyway or presence.changed_here()):
            self._bus.say(["presence", presence.here()])

    def ask(self, question: str, seconds: float) -> tuple[list[Any], int]:
        """What the other processes answer within ``seconds``, and how many were asked. Nobody, while Redis is away."""
        if self._bus is None:
            return [], 0
        number = secrets.token_hex(8)
        answers: list[Any] = []
        heard = self._asked[number] = Queue()
        try:
            asked = self._bus.tell(["asked", [number, question]])
            with gevent.Timeout(seconds, False):
                while len(answers) < asked:
                    answers.append(heard.get())
        except (RedisError, OSError):
            return [], 0
        finally:
            del self._asked[number]
        return answers, asked

    def leave(self) -> None:
        """This process ends: nobody is counted through it any more."""
        if self._bus is not None:
            self._bus.say(["presence", []])

    def _on_committed(self, _news: Any) -> None:
        if self._bus is not None:
            self._bus.say(["news", None])

    def _pack(self, said: list[Any]) -> bytes:
        assert self._key  # noqa: S101 - made before the bus
        packed = json.dumps([self.me.hex(), said], separators=(",", ":")).encode()
        return self.me + self._key.encrypt(packed)

    def _hear(self, heard: bytes) -> None:
        assert self._key  # noqa: S101 - made before the bus
        if heard.startswith(self.me):
            return  # our own words come back to us: not worth opening
        try:
            sender, said = json.loads(self._key.decrypt(heard[SENDER_BYTES:]))
        except InvalidToken:
            log.warning("somebody who does not hold this instance's keys writes to its Redis")
            return
        with self.app.app_context():
            for kind, what in said:
                if kind == "posted":
                    self._heard_posted(what)
                elif kind == "news":
                    self.app.extensions["listener"].call(news=True)
                elif kind == "presence":
                    presence.elsewhere(sender, what)
                elif kind == "hello":
                    self.share_presence(anyway=True)
                else:
                    self._hear_of_a_question(kind, *what)

    def _hear_of_a_question(self, kind: str, number: str, what: Any) -> None:
        if kind == "asked" and self._bus is not None and what in self.answering:
            self._bus.say(["answered", [number, self.answering[what]()]])
        elif kind == "answered" and number in self._asked:
            self._asked[number].put(what)

    def _heard_posted(self, published: list[Published]) -> None:
        if self._order is not None:
            for channel_id, messages in published:
                admission.heard(channel_id, messages)
                self._order.take(channel_id, messages)

    def _connected(self) -> None:
        assert self._bus and self._order  # noqa: S101 - it is the bus that calls
        self._bus.say(["hello", None])
        self._bus.say(["presence", presence.here()])
        with self.app.app_context():
            self.app.extensions["listener"].call(news=True)
            self._order.look(impatient=True)
