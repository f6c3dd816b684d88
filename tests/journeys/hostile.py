"""Hostile lines wherever the site shows what people wrote, put into the database past every check of the way in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import update

from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.audit.event import record
from app.chat.message import Message
from app.extensions import db
from tests.journeys.world import World

BATCH = 25  # with each line twice, once calling the reader, as many as the page draws
HARMLESS = ["a harmless line"] * BATCH
numbers = itertools.count(1)

# Whatever a page could be made to do, noted before any script of it runs.
WATCH = """
  window.harm = [];
  window.told = [];
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = () => harm.push(name);
  addEventListener("securitypolicyviolation", (event) => harm.push(`policy: ${event.effectiveDirective}`));
  if (location.protocol === "http:") localStorage.setItem("mention-notification", "on");
  window.Notification = class { constructor(title, { body }) { told.push(body); } close() {}
    static permission = "granted"; static async requestPermission() { return "granted"; } };
  Object.defineProperty(document, "hasFocus", { value: () => false });
"""
# Of a line the chat makes links and names that stand out. Anything else in it is an element that its text became.
IN_TEXTS = """() => [...document.querySelectorAll(".message__text *, .message__reply-text *, .message__author *")]
  .filter((each) => !each.matches("a.message__link[href^='http'][rel='noopener nofollow ugc'], .message__host, "
    + ".message__name, .message__mention")).map((each) => each.outerHTML.slice(0, 200))"""
# How many elements of each kind the page has: the same with hostile texts as with harmless ones.
SHAPE = """() => {
  const count = {};
  for (const each of document.querySelectorAll("*")) {
    if (!each.closest(".message__text") && !each.closest(".message__body > .visually-hidden")) {
      count[each.localName] = (count[each.localName] ?? 0) + 1;
    }
  }
  return count;
}"""
SHOWN = """() => [...document.querySelectorAll("#chat-log .message__text")].map((text) => [...text.childNodes]
  .filter((each) => !each.classList?.contains("message__host")).map((each) => each.textContent).join(""))"""


def words(texts: Sequence[str]) -> list[list[str]]:
    """The texts without what a browser does to white space."""
    return [text.split() for text in texts]


@dataclass
class Hostility:
    """A channel of the world, an application and the audit log, with a reader, an admin and a live page watching."""

    world: World
    window_of: Callable[..., BrowserContext]
    slug: str = ""
    harm: list[str] = field(default_factory=list)
    shapes: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        number = next(numbers)
        self.slug, self.reader = f"siege-{number}", f"reader-{number}"
        self.world.newcomer(self.reader)
        self.talkers = itertools.cycle(self.world.newcomer(f"talker-{number}-{each}").socket() for each in range(4))
        self.world.backstage.open_channel(self.slug, self.world.backstage.create_account(f"keeper-{number}"))
        self.pages = {who: self._watched(who) for who in (self.reader, "admin")}
        self.live = self.pages[self.reader].context.new_page()
        for _ in range(3):  # more than a page draws, so that what follows has the shape of what went before
            self._dress(HARMLESS)
        self.live.goto(f"/c/{self.slug}")
        expect(self.live.locator("#chat-status")).to_have_text("Connected")
        self._that_was_all()
        self._look_around(HARMLESS)

    def _watched(self, who: str) -> Page:
        context, home = self.window_of(who), self.world.server.url
        context.add_init_script(WATCH)
        context.on("dialog", self._dialog)
        context.on("request", lambda request: self._asked(request.url, home))
        return context.new_page()

    def _asked(self, url: str, home: str) -> None:
        if not url.startswith((home, "ws:")):
            self.harm.append(f"asked for {url}")

    def _dialog(self, dialog: Any) -> None:
        self.harm.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def show(self, lines: Sequence[str]) -> None:
        """Put these lines, BATCH at most, everywhere, look at every page, and raise AssertionError about any harm."""
        padded = [*lines, *HARMLESS][:BATCH]
        self._dress(padded)
        before = self.live.evaluate("told.length")
        last = self._that_was_all()
        expect(self.live.locator(f"[data-message-id='{last}']")).to_be_attached()
        self._check(self.live)
        expected = [*padded, *self._called(padded)]
        assert words(self.live.evaluate(SHOWN)[-2 * BATCH - 1 : -1]) == words(expected)
        assert words(self.live.evaluate("told")[before:]) == words(self._called(padded)), "notifications"
        self._look_around(padded)

    def _that_was_all(self) -> int:
        """Somebody says something live: an open page sees that it missed what came before, and fetches it."""
        answer = next(self.talkers).send(self.slug, "that was all")  # one alone would soon be too fast
        assert answer["ok"], answer
        return int(answer["id"])

    def _called(self, lines: Sequence[str]) -> list[str]:
        return [f"@{self.reader} {line}" for line in lines]

    def _dress(self, lines: Sequence[str]) -> None:
        backstage = self.world.backstage
        backstage.write(self.slug, [*lines, *self._called(lines)])
        with backstage.open():
            channel = backstage.channel(self.slug)
            everything = "\n".join(lines)
            channel.title, channel.description, channel.rules = lines[0][:80], everything, everything
            answered = (Message.channel_id == channel.id, Message.id > 1)
            db.session.execute(update(Message).where(*answered).values(reply_to=Message.id - 1))
            application = db.session.scalars(db.select(StreamerApplication).order_by(StreamerApplication.id)).first()
            assert application is not None
            self.application_id = application.id
            application.channel_name, application.about, application.note = lines[0][:80], everything, everything
            application.public_reason, application.links_text = everything, lines[0]
            for line in lines:
                record("login.failed", Actor(line[:60], user_agent=line[:200]), target_name=line[:60])
            db.session.commit()

    def _look_around(self, lines: Sequence[str]) -> None:
        chat = f"/c/{self.slug}"
        for address in (chat, f"{chat}?popout=1"):
            page = self._open(self.reader, address)
            expect(page.locator("#chat-status")).to_have_text("Connected")
            assert words([page.title()]) == words([f"{lines[0][:80]} · Streamzy"])
            self._check(page, address)
        self._check(self._open(self.reader, "/"), "/")
        for address in (
            "/admin/",
            f"/admin/applications/{self.application_id}",
            "/admin/applications",  # after the look at one, which the list tells of
            "/admin/audit",
            "/admin/channels",
            f"{chat}/settings",
        ):
            self._check(self._open("admin", address), address)

    def _open(self, who: str, address: str) -> Page:
        page = self.pages[who]
        answer = page.goto(address)
        assert answer and answer.ok, (who, address)
        return page

    def _check(self, page: Page, address: str = "") -> None:
        done = self.harm + page.evaluate("harm")
        assert done == [], (page.url, done)
        made = page.evaluate(IN_TEXTS)
        assert made == [], (page.url, made)
        if address:
            shape = page.evaluate(SHAPE)
            usual = self.shapes.setdefault(address, shape)
            assert shape == usual, (address, sorted(shape.items() ^ usual.items()))

    def titled(self, line: str) -> None:
        """A page whose title is this line."""
        with self.world.backstage.open():
            self.world.backstage.channel(self.slug).title = line[:80]
            db.session.commit()
        page = self.pages[self.reader]
        page.goto(f"/c/{self.slug}?popout=1", wait_until="domcontentloaded")
        assert words([page.title()]) == words([f"{line[:80]} · Streamzy"])
        assert self.harm + page.evaluate("harm") == [], line
