"""The main job, end to end, in real browsers: apply, approve, reveal, sign in, chat, survive a crash, stay sealed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import StartServer
from tests.streamzy_server import StreamzyServer

PASSWORD = "kettle-harbour-quiet-lantern"
ABOUT = "Old valve radios, repaired on my bench, twice a week."
EMAIL = "jonas@example.org"
# What an attacker would try, and what must stand on the screen letter by letter.
SHOWN_AS_TEXT = ["a < b && b > c", "<b>not bold</b>", '&lt;tea&gt; & "biscuits"', "don't; C# is fine", "مساء الخير 🌙"]

OpenWindow = Callable[..., BrowserContext]


def choose_password(page: Page, current: str) -> None:
    """The forced change after a generated password."""
    expect(page).to_have_url(re.compile("/account/password$"))
    page.locator("#current_password").fill(current)
    page.locator("#new_password").fill(PASSWORD)
    page.locator("#confirm_password").fill(PASSWORD)
    page.locator("form[action='/account/password'] [type=submit]").click()


def sign_in(page: Page, name: str, password: str) -> None:
    page.goto("/login")
    page.locator("#username").fill(name)
    page.locator("#password").fill(password)
    page.locator("form[action^='/login'] [type=submit]").first.click()


def register(page: Page, name: str) -> None:
    page.goto("/register")
    page.locator("#username").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("#confirm_password").fill(PASSWORD)
    page.locator("form[action^='/register'] [type=submit]").click()
    expect(page.locator("form[action='/logout']").first).to_be_attached()


def apply(page: Page) -> str:
    """Fill in the form from the front page on; returns the private link."""
    page.goto("/")
    page.get_by_role("link", name="Become a streamer").first.click()
    page.locator("#email").fill(EMAIL)
    page.locator("#channel_name").fill("Jonas repairs radios")
    page.locator("#slug").fill("jonas-radio")
    page.locator("#about").fill(ABOUT)
    page.locator("#links").fill("https://example.org/jonas")
    page.locator("#agree").check()
    page.locator("form[action='/apply'] [type=submit]").click()
    return page.locator("#status-link").inner_text().strip()


def approve(page: Page, admin_password: str) -> None:
    sign_in(page, "admin", admin_password)
    choose_password(page, admin_password)
    page.goto("/admin/applications")
    page.get_by_role("link", name="Jonas repairs radios").click()
    expect(page.get_by_text(ABOUT)).to_be_visible()
    page.locator("#reason").fill("A bench and patience: very welcome.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved by admin")).to_be_visible()


def reveal(page: Page, link: str) -> tuple[str, str]:
    """Read the answer, press the button, write the sign-in down."""
    page.goto(link)
    expect(page.locator("#application-status")).to_have_text("approved")
    expect(page.get_by_text("A bench and patience: very welcome.")).to_be_visible()
    page.locator("form[action$='/reveal'] button").click()
    password = page.locator("#generated-password").text_content() or ""
    assert len(password) == 16, password
    return page.locator("#generated-username").text_content() or "", password


def say(page: Page, text: str) -> None:
    page.locator("#chat-input").fill(text)
    page.keyboard.press("Enter")


def lines(page: Page) -> list[str]:
    """The texts of all messages on the page, in order."""
    return page.locator("[data-message-id] .message__text").all_inner_texts()


def milliseconds_to_arrive(sender: Page, reader: Page, text: str) -> float:
    """From the key press in one browser to the line on the screen of another, by the browsers' own clocks."""
    reader.evaluate(
        """text => { const log = document.querySelector("#chat-log");
        window.arrived = new Promise(done => new MutationObserver(() => {
            if (log.textContent.includes(text)) done(Date.now());
        }).observe(log, {childList: true, subtree: true, characterData: true})); }""",
        text,
    )
    sender.locator("#chat-input").fill(text)
    pressed: float = sender.evaluate("Date.now()")
    sender.keyboard.press("Enter")
    arrived: float = reader.evaluate("window.arrived")
    return arrived - pressed


def all_bytes(server: StreamzyServer) -> bytes:
    """Everything that the database keeps on disk."""
    database = Path(server.environment["DATABASE_URL"].removeprefix("sqlite:///"))
    return b"".join(path.read_bytes() for path in database.parent.glob(database.name + "*"))


@pytest.mark.browser
@pytest.mark.slow
def test_from_the_first_visit_to_a_chat_that_survives_a_crash(
    start_server: StartServer, new_context: OpenWindow
) -> None:
    server = start_server()
    applicant, office, first, second, reader = (new_context(base_url=server.url).new_page() for _ in range(5))
    heard: list[str] = []
    first.on("websocket", lambda line: line.on("framereceived", lambda frame: heard.append(str(frame))))
    link = apply(applicant)
    assert server.admin_password
    approve(office, server.admin_password)
    username, generated = reveal(applicant, link)
    assert username == "jonas-radio"
    applicant.goto(link)
    expect(applicant.locator("#generated-password")).to_have_count(0)

    sign_in(applicant, username, generated)
    choose_password(applicant, generated)
    applicant.goto("/c/jonas-radio")
    for page, name in ((first, "wren"), (second, "pelle")):
        register(page, name)
    for page in (applicant, first, second, reader):
        page.goto("/c/jonas-radio")
        expect(page.locator("#chat-status")).to_have_text("Connected")
    expect(reader.locator("#chat-input")).to_have_count(0)

    delays = [
        milliseconds_to_arrive(first, page, f"line {number}") for number, page in enumerate((second, reader, applicant))
    ]
    assert max(delays) < 500, delays
    for text in SHOWN_AS_TEXT:
        say(second, text)
    expect(applicant.locator("[data-message-id]")).to_have_count(3 + len(SHOWN_AS_TEXT))
    say(applicant, "welcome, everyone")
    said = ["line 0", "line 1", "line 2", *SHOWN_AS_TEXT, "welcome, everyone"]
    for page in (first, second, reader, applicant):
        expect(page.locator("[data-message-id] .message__text")).to_have_text(said)
        assert page.locator(".message__text b").count() == 0
    expect(reader.locator("[data-message-id]").last.get_by_text("streamer", exact=True)).to_be_visible()

    token = {cookie["name"]: cookie["value"] for cookie in first.context.cookies()}["session"]
    server.kill9()
    server.start()
    reader.goto("/c/jonas-radio")
    expect(reader.locator("[data-message-id] .message__text")).to_have_text(said)
    expect(first.locator("#chat-status")).to_have_text("Connected", timeout=20_000)

    server.stop()
    expect(first.locator("#chat-status")).to_have_text("Reconnecting…")
    assert any('"restarting"' in frame and '"retry_after"' in frame for frame in heard), "told when to come back"
    expect(first.locator("#chat-log .system", has_text="restart")).to_have_count(0)  # the line above the chat says it
    for page in (applicant, office, first, second, reader):
        page.context.close()
    kept = all_bytes(server)
    secrets = [*said, generated, PASSWORD, server.admin_password, ABOUT, EMAIL, token, link.rsplit("/", 1)[1]]
    assert b"jonas-radio" in kept, "the search itself must be able to find something"
    assert kept.count(b"gAAAA") >= len(said)
    assert [secret for secret in secrets if secret.encode() in kept] == []
    assert [
        secret for secret in (generated, PASSWORD, token, link.rsplit("/", 1)[1], *said) if secret in server.log
    ] == []
