"""Two admins side by side, each in a browser of their own: what one does the other sees, and nobody loses a word."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import NewVisitor
from tests.journeys.world import PASSWORD
from tests.streamzy_server import StreamzyServer


def open_desk(server: StreamzyServer, new_visitor: NewVisitor, new_context: Callable[..., BrowserContext]) -> Page:
    """The queue in the browser of a new admin, listening; the page's own name for them is in its ``desk_of``."""
    name = f"boss-{uuid.uuid4().hex[:8]}"
    server.run_flask("users", "create", name, "--role", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    cookies = new_visitor().sign_in(name, PASSWORD).http.cookies
    context = new_context(base_url=server.url)
    context.add_cookies([{"name": str(each.name), "value": str(each.value), "url": server.url} for each in cookies])
    page = context.new_page()
    page.goto("/admin/applications")
    listening(page)
    return page


def listening(page: Page) -> None:
    """Wait until the page hears what happens."""
    expect(page.locator("main[data-heard]")).to_be_attached()


def name_of(page: Page) -> str:
    """Whose browser it is."""
    return page.locator(".site-header__name").inner_text()


@pytest.mark.prove
@pytest.mark.browser
def test_two_admins_side_by_side(
    server: StreamzyServer, new_visitor: NewVisitor, new_context: Callable[..., BrowserContext]
) -> None:
    ada, alan = (open_desk(server, new_visitor, new_context) for _ in range(2))
    slug = f"wish-{uuid.uuid4().hex[:8]}"
    wish = {"email": "s@example.org", "channel_name": f"Stars {slug}", "slug": slug, "about": "Nights.", "agree": "y"}
    new_visitor().post_form("/apply", **wish)
    lines = [page.get_by_role("link", name=f"Stars {slug}") for page in (ada, alan)]
    for page, line in zip((ada, alan), lines, strict=True):
        expect(line).to_be_visible()
        expect(page).to_have_title(re.compile(r"^\(\d+\) Applications"))
    # Typing is typing; elsewhere the same keys move.
    search = ada.get_by_role("searchbox")
    search.press_sequentially("jk?a")
    expect(search).to_have_value("jk?a")
    expect(ada.locator("#keys")).to_be_hidden()
    search.evaluate("field => field.blur()")
    ada.keyboard.press("?")
    expect(ada.locator("#keys")).to_be_visible()
    ada.keyboard.press("j")
    ada.keyboard.press("Escape")
    ada.keyboard.press("j")
    first = ada.locator(".queue__name a").first
    expect(first).to_be_focused()
    ada.keyboard.press("j")
    ada.keyboard.press("k")
    expect(first).to_be_focused()
    lines[0].focus()
    ada.keyboard.press("Enter")
    listening(ada)
    # The other sees it opened, opens it as well, and types an answer.
    claimed = alan.locator(".queue__item", has=lines[1]).get_by_text("is reviewing")
    expect(claimed).to_contain_text(name_of(ada))
    lines[1].click()
    listening(alan)
    expect(alan.get_by_role("heading", name=f"{name_of(ada)} is reviewing this")).to_be_visible()
    alan.keyboard.press("i")
    expect(alan.get_by_label("Answer to the applicant")).to_be_focused()
    alan.get_by_label("Answer to the applicant").evaluate("field => field.blur()")
    alan.keyboard.press("r")
    expect(alan.get_by_label("Answer to the applicant")).to_be_focused()
    alan.keyboard.type("Too many? j k a")
    # The first decides by keyboard alone; the second is told at once, presses all the same, and keeps every word.
    ada.keyboard.press("a")
    expect(ada.get_by_role("button", name="Approve")).to_be_focused()
    ada.keyboard.press("Enter")
    expect(ada.get_by_text("The channel is open.")).to_be_visible()
    expect(alan.get_by_text("This application changed just now: it was approved")).to_be_visible()
    expect(alan.get_by_label("Answer to the applicant")).to_have_value("Too many? j k a")
    alan.get_by_role("button", name="Reject").click()
    expect(alan.get_by_text(f"This application was approved by {name_of(ada)} on")).to_be_visible()
    expect(alan.get_by_label("Your answer, not sent")).to_have_value("Too many? j k a")
