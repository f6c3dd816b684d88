"""Take the README's pictures anew: a made-up evening on a real server, in the real browser (`make screenshots`)."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.browser import launch
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

HERE = Path(__file__).resolve().parent
PASSWORD = "kettle-harbour-quiet-lantern"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
LIMITS = {
    name: "100000 per hour"
    for name in ("RATELIMIT_LOGIN", "RATELIMIT_APPLICATIONS", "RATELIMIT_REGISTRATION", "RATELIMIT_MESSAGES")
}

CHANNELS = [
    ("ines-maps", "Ines maps the canal", "Drawing the old canal network by hand, one lock at a time."),
    ("night-sky", "Vera looks up", "A small telescope, a warm coat, and whatever the clouds allow."),
    ("valve-radios", "Jonas repairs radios", "Old valve radios, one fault at a time, with tea."),
    ("slow-chess", "Chess, slowly", "One game an evening, with people who explain every move."),
]
EVENING = [
    ("kettle_on", "evening all, did the ink dry?"),
    ("ines-maps", "Just now. @wren, you had the good map last week: could you post the scale again?"),
    ("pelle", "just in time for the lock gates"),
    ("wren", 'a < b && b > c, or so my compiler says. C# is fine too; "quotes" are fine; 100% fine'),
    ("kettle_on", "don't forget the kettle \U0001fad6 (I'm told that's my one job)"),
    ("noor", "مساء الخير من الدار البيضاء \U0001f319"),
    ("pelle", "the sluice at https://example.org/locks/very/long/path/that-has-to-wrap-somewhere is open until 21:00"),
    ("tom-b", "/me raises a mug"),
    ("wren", "1 : 25,000. I drew the old towpath in by hand, so be kind."),
    ("kettle_on", "the otter approves \U0001f9a6"),
    ("harbour-light", "which lock comes next, the narrow one or the one after it?"),
]
WAITING = (
    "crochet-chaos",
    "Crochet & chaos",
    "Yarn, patterns and the odd disaster. Twice a week in the evening, about two hours each time.",
)


def application(visitor: Visitor, slug: str, name: str, about: str) -> str:
    """Apply as somebody; returns the path of the private page."""
    answer = visitor.post_form(
        "/apply",
        email=f"{slug}@example.org",
        channel_name=name,
        slug=slug,
        about=about,
        links="https://example.org/" + slug,
        agree="y",
    )
    found = re.search(r"/apply/status/[\w-]+", answer.text)
    assert found, answer.text
    return found.group()


def evening(server: StreamzyServer) -> tuple[Visitor, str]:
    """People, channels, a conversation, one application that waits; returns the admin and an approved one's page."""
    admin = Visitor(server.url).sign_in("admin", str(server.admin_password))
    admin.post_form(
        "/account/password", current_password=server.admin_password, new_password=PASSWORD, confirm_password=PASSWORD
    )
    links = [application(Visitor(server.url), slug, name, about) for slug, name, about in CHANNELS]
    for number in range(1, len(CHANNELS) + 1):
        page = f"/admin/applications/{number}"
        admin.post_form(f"{page}/approve", on=page, reason="A pencil, a canal and patience: very welcome.", note="")
    application(Visitor(server.url), *WAITING)
    server.run_flask("users", "reset-password", CHANNELS[0][0], "--password-stdin", stdin=f"{PASSWORD}\n")
    people = {CHANNELS[0][0]: Visitor(server.url).sign_in(CHANNELS[0][0], PASSWORD).socket()}
    for name in dict(EVENING):
        if name not in people:
            people[name] = Visitor(server.url).register(name, PASSWORD).socket()
    for socket in people.values():
        socket.join("ines-maps")
    for name, text in EVENING:
        assert people[name].send("ines-maps", text)["ok"], text
    return admin, links[1]


def signed_in(context: BrowserContext, visitor: Visitor) -> BrowserContext:
    """Give the window a person's cookies."""
    context.add_cookies(
        [{"name": cookie.name, "value": str(cookie.value), "url": visitor.url} for cookie in visitor.http.cookies]
    )
    return context


def picture(page: Page, name: str, *, full: bool = False) -> None:
    """Save what the page shows."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=HERE / f"{name}.png", full_page=full)


def main() -> None:
    """Play the evening and take every picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        StreamzyServer(Path(folder), **LIMITS) as server,
        sync_playwright() as playwright,
    ):
        admin, status = evening(server)
        browser = launch(playwright)
        for theme in ("dark", "light", "terminal"):
            window = browser.new_context(
                viewport=WIDE, color_scheme="light" if theme == "light" else "dark", base_url=server.url
            )
            window.add_cookies([{"name": "theme", "value": theme, "url": server.url}])
            page = window.new_page()
            page.goto("/")
            picture(page, f"home-{theme}")
            signed_in(window, Visitor(server.url).sign_in("wren", PASSWORD))
            page.goto("/c/ines-maps")
            page.locator("#chat-status", has_text="Connected").wait_for()
            page.locator("#chat-input").focus()
            picture(page, f"channel-{theme}")
        window = browser.new_context(viewport=PHONE, color_scheme="dark", base_url=server.url)
        page = window.new_page()
        page.goto("/c/ines-maps")
        page.locator("#chat-status", has_text="Connected").wait_for()
        picture(page, "channel-360")
        window = browser.new_context(viewport=WIDE, color_scheme="dark", base_url=server.url)
        page = window.new_page()
        page.goto("/apply")
        picture(page, "apply")
        page.goto(status)
        page.locator("form[action$='/reveal'] button").click()
        picture(page, "status")
        signed_in(window, admin)
        page.goto(f"/admin/applications/{len(CHANNELS) + 1}")
        picture(page, "review")
        page.goto("/admin/")
        picture(page, "overview", full=True)
        page.goto("/security")
        picture(page, "security", full=True)


if __name__ == "__main__":
    main()
