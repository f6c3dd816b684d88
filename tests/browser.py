"""The system's Chromium, and an eye on what its pages complain about."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # CI runs as root, where Chromium's sandbox refuses to start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # A test's browser speaks to the server under test and to nobody else.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# How Chromium words a broken Content-Security-Policy or Trusted Types rule on the console.
REFUSALS = ("Content Security Policy", "Content-Security-Policy", "Refused to", "requires 'Trusted", "Trusted Type")


def launch(playwright: Playwright) -> Browser:
    """Start the system's Chromium, headless."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert path, f"none of {', '.join(NAMES)} is installed: `make test` does that"
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


class Nap:
    """A page asleep, as in a laptop that was shut. A visible page cannot be frozen: its script is halted."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._halts: list[object] = []
        self._session.on("Debugger.paused", lambda told: self._halts.append(told))
        self._session.send("Debugger.enable")
        self._session.send("Debugger.pause")

    def end(self) -> None:
        """Wake up. Raises AssertionError if the page never slept: nothing happened in it that would have halted."""
        self._session.send("Debugger.resume")
        assert len(self._halts) == 1, "it never slept"


@dataclass
class Windows:
    """Browser windows of separate people, and every error that a page of theirs reported."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, **options: Any) -> BrowserContext:
        """A new window with cookies of its own; ``options`` as for Playwright's ``new_context``."""
        context = self.browser.new_context(**options)
        context.set_default_timeout(10_000)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught in {error.page}: {error.error}"))
        context.on("console", self._listen)
        self.contexts.append(context)
        return context

    def _listen(self, message: ConsoleMessage) -> None:
        if any(words in message.text for words in REFUSALS):
            page: Page | None = message.page
            self.complaints.append(f"refused on {page.url if page else '?'}: {message.text}")

    def close(self) -> None:
        """Close them all."""
        for context in self.contexts:
            context.close()
