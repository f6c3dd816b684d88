"""An evening in a channel: people of this test's own, and their open chat windows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from app.channels.membership import Membership
from app.extensions import db
from tests.chat.backstage import Backstage
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

PASSWORD = "kettle-harbour-quiet-lantern"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
numbers = itertools.count(5001)  # other casts count from 2, on the same server


class ChatWindow:
    """One person's chat page, spoken of as they would."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.log = page.locator("#chat-log")
        self.input = page.locator("#chat-input")
        self.notice = page.locator("#composer-notice")
        self.status = page.locator("#chat-status")
        self.menu = page.locator("#message-menu")
        self.pill = page.locator("#new-messages")

    def line(self, text: str) -> Locator:
        """The message that says ``text``."""
        return self.log.locator("[data-message-id]", has=self.page.locator(".message__text", has_text=text))

    def told(self, words: str) -> Locator:
        """The line that this page told its reader alone."""
        return self.log.locator(".system", has_text=words)

    def say(self, text: str) -> None:
        """Type and press Enter."""
        self.input.fill(text)
        self.input.press("Enter")

    def open_menu(self, text: str) -> Locator:
        """Open the menu of a message by a click on its author's name."""
        self.line(text).locator(".message__author").click()
        expect(self.menu).to_be_visible()
        return self.menu

    def item(self, name: str) -> Locator:
        """An entry of the open menu."""
        return self.menu.get_by_role("menuitem", name=name, exact=True)

    def texts(self) -> list[str]:
        """What can be read, from top to bottom."""
        return self.log.locator("[data-message-id]:not([hidden]) .message__text").all_text_contents()


@dataclass
class Evening:
    """One channel with its streamer on a running server."""

    server: StreamzyServer
    backstage: Backstage
    new_visitor: Callable[..., Visitor]
    new_context: Callable[..., BrowserContext]
    slug: str = ""

    def __post_init__(self) -> None:
        self.slug = f"quay-{next(numbers)}"
        self.streamer = self.person("keeper")
        self.backstage.open_channel(self.slug, self.streamer.name)

    def person(self, name: str) -> Visitor:
        """Somebody with an account, signed in; called ``name`` and a number."""
        return self.new_visitor(self.server).register(f"{name}-{next(numbers)}", PASSWORD)

    def moderator(self) -> Visitor:
        """Somebody whom the streamer trusts."""
        person = self.person("mod")
        with self.backstage.open():
            place = self.backstage.channel(self.slug).id, self.backstage.account(person.name).id
            db.session.add(Membership(channel_id=place[0], account_id=place[1], role="moderator"))
            db.session.commit()
        return person

    def context(self, person: Visitor | None, **options: Any) -> BrowserContext:
        """A browser of ``person`` (None: of a visitor), signed in."""
        context = self.new_context(base_url=self.server.url, **options)
        if person:
            cookies = person.http.cookies
            context.add_cookies([{"name": c.name, "value": str(c.value), "url": self.server.url} for c in cookies])
        return context

    def window(self, person: Visitor | None, query: str = "", **options: Any) -> ChatWindow:
        """Open the channel's page as ``person``; returns once it is connected."""
        page = self.context(person, **options).new_page()
        page.goto(f"/c/{self.slug}{query}")
        window = ChatWindow(page)
        expect(window.status).to_have_text("Connected")
        return window

    def says(self, person: Visitor, text: str, **more: Any) -> int:
        """``person`` says something from another window; returns its id."""
        if not person.sockets:
            person.socket().join(self.slug)
        answer = person.sockets[0].send(self.slug, text, **more)
        assert answer["ok"], answer
        return int(answer["id"])
