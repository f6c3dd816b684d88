"""A real mail server on loopback, and what it was given."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from flask import Flask

from tests.streamzy_server import free_port

MAIL = {
    "MAIL_SERVER": "127.0.0.1",
    "MAIL_USE_TLS": "false",
    "MAIL_DEFAULT_SENDER": "Streamzy <chat@example.org>",
    "PUBLIC_URL": "https://chat.example.org",
}


class Postbox:
    """What a mail server was given. ``refusal`` is its answer to every recipient, ``farewell`` to QUIT."""

    def __init__(self) -> None:
        self.given: list[tuple[list[str], Message]] = []
        self.refusal = ""
        self.take = True
        self.farewell = "221 Bye"
        self.before_taking: list[Any] = []  # called once each, while a letter is on its way

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """Take or refuse one recipient."""
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep a letter."""
        while self.before_taking:
            await asyncio.to_thread(self.before_taking.pop())
        if not self.take:
            return "451 Not now"
        self.given.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:
        """Say good-bye."""
        return self.farewell

    def links(self) -> list[str]:
        """The paths of the links of all letters."""
        return [found for body in self.bodies() for found in re.findall(r"https?://[^\s/]+(/apply/status/\S+)", body)]

    def bodies(self) -> list[str]:
        """The texts of all letters."""
        return [bytes(message.get_payload(decode=True)).decode() for _, message in self.given]


@contextmanager
def mail_server(app: Flask, box: Postbox, **options: Any) -> Iterator[int]:
    """Let ``box`` answer at a free port, which the app's settings then name; the port."""
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port, enable_SMTPUTF8=False, **options)
    controller.start()
    app.config["STREAMZY"] = dataclasses.replace(app.config["STREAMZY"], mail_port=port)
    try:
        yield port
    finally:
        controller.stop()
