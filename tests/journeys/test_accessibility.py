"""Everybody can use it: axe-core finds nothing on any page, in any theme. It sees about half of what WCAG asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.world import LONG_WORD, PASSWORD, World
from tests.second_factor import Phone
from tests.streamzy_server import ROOT

pytestmark = [pytest.mark.prove, pytest.mark.browser]

AXE = ROOT / ".frontend" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("dark", "light", "terminal")
# Themes change colours alone, so what is no question of colour is asked once.
ALL: dict[str, Any] = {"resultTypes": ["violations"]}
OF_COLOUR = {**ALL, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
ASK = """async ([theme, options]) => {
  document.documentElement.dataset.theme = theme;
  for (const change of document.getAnimations()) change.finish(); // no colour is measured halfway
  const answer = await axe.run(document, options);
  const where = (violation) => violation.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ");
  return answer.violations.map((violation) => `${theme}: ${violation.id}: ${where(violation)}`);
}"""

OpenWindow = Callable[..., BrowserContext]


@pytest.fixture
def page_of(window_of: OpenWindow) -> Callable[[str], Page]:
    """A page of somebody's window into which axe is put before anything else. Each has one window."""
    pages: dict[str, Page] = {}

    def open_for(who: str) -> Page:
        if who not in pages:
            context = window_of(who)
            context.add_init_script(path=AXE)
            pages[who] = context.new_page()
        return pages[who]

    return open_for


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands, in each theme."""
    found: list[str] = []
    for number, theme in enumerate(THEMES):
        found += page.evaluate(ASK, [theme, OF_COLOUR if number else ALL])
    return found


@pytest.mark.browser
@pytest.mark.prove
def test_no_page_violates_a_rule_in_any_theme(world: World, page_of: Callable[[str], Page]) -> None:
    found = {}
    for who, address in world.pages:
        page = page_of(who)
        page.goto(address)
        if page.locator("#chat-status").count():
            expect(page.locator("#chat-status")).to_have_text("Connected")
        if wrong := violations(page):
            found[f"{who} {address}"] = wrong
    assert len(world.pages) > 20, "hardly anything was looked at"
    assert not found, found


@pytest.mark.browser
def test_axe_would_find_something(page_of: Callable[[str], Page]) -> None:
    page = page_of("guest")
    page.goto("/security")
    page.evaluate("document.querySelector('h1').style.color = 'var(--line)'")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    found = violations(page)
    assert any("html-has-lang" in each for each in found), found
    assert sum("color-contrast" in each for each in found) == len(THEMES), found


def submit(page: Page, action: str) -> None:
    """Send the form that posts to ``action``."""
    page.locator(f"form[action^='{action}'] [type=submit]").first.click()


def answers(world: World, page_of: Callable[[str], Page]) -> Iterator[tuple[str, Page]]:
    """Pages that only a form leads to: refusals with their reasons, and what is shown once."""
    guest = page_of("guest")
    for action, fields in {
        "/login": {"username": "nobody", "password": "wrong words"},
        "/register": {"username": "x", "password": "short", "confirm_password": "other"},
        "/apply": {"email": "no address", "slug": "!", "links": "javascript:alert(1)"},
    }.items():
        guest.goto(action)
        for name, value in fields.items():
            guest.locator(f"#{name}").fill(value)
        submit(guest, action)
        expect(guest.locator("[data-error-summary], [role=alert]").first).to_be_visible()
        yield f"{action}, refused", guest
    guest.goto("/apply")
    told = {"email": "last@example.org", "channel_name": "The last one", "slug": "last-one", "about": LONG_WORD}
    for name, value in told.items():
        guest.locator(f"#{name}").fill(value)
    guest.locator("#agree").check()
    submit(guest, "/apply")
    expect(guest.locator("#status-link")).to_be_visible()
    yield "/apply, received", guest
    guest.goto(world.links["approved"])
    submit(guest, world.links["approved"])
    expect(guest.locator("#generated-password")).to_be_visible()
    yield "the sign-in, revealed", guest
    guest.goto("/no-such-page")
    yield "not found", guest
    viewer = page_of("viewer")
    viewer.goto("/admin/")
    yield "forbidden", viewer
    viewer.goto("/account/password")
    for name in ("current_password", "new_password", "confirm_password"):
        viewer.locator(f"#{name}").fill(PASSWORD[:5])
    submit(viewer, "/account/password")
    yield "/account/password, refused", viewer


@pytest.mark.browser
def test_refusals_and_what_is_shown_once_violate_none_either(world: World, page_of: Callable[[str], Page]) -> None:
    found = {}
    for what, page in answers(world, page_of):
        if wrong := violations(page):
            found[what] = wrong
    assert not found, found


def of_the_account(world: World, page_of: Callable[[str], Page]) -> Iterator[tuple[str, Page]]:
    """Pages of an account that are seen once, or halfway: pairing, codes, the second step, the password again."""
    tess = world.newcomer("tess")
    page = page_of("tess")
    page.goto("/account/confirm")
    page.get_by_role("button", name="Go on").click()
    yield "/account/confirm, refused", page
    page.goto("/account/two-factor")
    page.get_by_role("button", name="Set up an app").click()
    expect(page.get_by_role("img", name="QR code of the key below")).to_be_visible()
    yield "pairing", page
    page.locator("#code").fill(Phone("".join(page.locator(".pairing__group").all_text_contents())).code())
    page.get_by_role("button", name="Switch it on").click()
    expect(page.locator(".codes__code")).to_have_count(10)
    yield "recovery codes", page
    page.get_by_role("button", name="Sign out").click()
    page.goto("/login")
    page.locator("#username").fill(tess.name)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("#code").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("That was not it")
    yield "/login/verify, refused", page
    page.goto("/register")
    for name, value in {"username": "thea", "password": PASSWORD, "confirm_password": PASSWORD}.items():
        page.locator(f"#{name}").fill(value)
    submit(page, "/register")
    code = page.locator("#recovery-code").text_content() or ""
    yield "the recovery code", page
    page.get_by_role("button", name="Sign out").click()
    page.goto("/forgot")
    submit(page, "/forgot")
    yield "/forgot, refused", page
    for name, value in {"username": "thea", "recovery_code": code}.items():
        page.locator(f"#{name}").fill(value)
    for name in ("new_password", "confirm_password"):
        page.locator(f"#{name}").fill(f"{PASSWORD}-again")
    submit(page, "/forgot")
    expect(page.get_by_text("Your password is set")).to_be_visible()
    yield "recovered", page


@pytest.mark.browser
def test_pages_of_an_account_that_are_seen_once_or_halfway_violate_none(
    world: World, page_of: Callable[[str], Page]
) -> None:
    found = {}
    for what, page in of_the_account(world, page_of):
        if wrong := violations(page):
            found[what] = wrong
    assert not found, found


@pytest.mark.browser
def test_the_chat_as_it_is_used_violates_none(world: World, page_of: Callable[[str], Page]) -> None:
    page = page_of("viewer")
    page.goto("/c/lighthouse")
    expect(page.locator("#chat-status")).to_have_text("Connected")
    page.locator("#chat-input").fill("/help")
    page.keyboard.press("Enter")
    page.locator("#chat-input").fill("x" * 450)  # near the longest: it is counted
    expect(page.locator("#chat-counter")).to_be_visible()
    page.locator("#chat-log").evaluate("log => { log.scrollTop = 0 }")
    assert violations(page) == []
