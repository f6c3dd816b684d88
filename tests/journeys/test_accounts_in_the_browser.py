"""Accounts as people meet them: the first password, the second factor, being away, other browsers, an expired page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.chat.backstage import Backstage
from tests.journeys.evening import PASSWORD, Evening, numbers
from tests.second_factor import Phone
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

NEW = "lantern-kettle-harbour-rain"
STEP = 30
MINUTE = 60
pytestmark = [pytest.mark.prove, pytest.mark.browser]


@dataclass
class Accounts:
    """People of a test's own on the run's server, and their windows."""

    server: StreamzyServer
    backstage: Backstage
    new_visitor: Callable[..., Visitor]
    new_context: Callable[..., BrowserContext]

    def person(self, name: str) -> Visitor:
        """Somebody with an account, signed in; called ``name`` and a number."""
        return self.new_visitor(self.server).register(f"{name}-{next(numbers)}", PASSWORD)

    def window(self, person: Visitor | None = None, **options: Any) -> BrowserContext:
        """A browser in which ``person`` is signed in, or nobody."""
        context = self.new_context(base_url=self.server.url, **options)
        for cookie in person.http.cookies if person else ():
            context.add_cookies([{"name": cookie.name, "value": str(cookie.value), "url": self.server.url}])
        return context


@pytest.fixture
def accounts(
    server: StreamzyServer,
    behind_the_server: Backstage,
    new_visitor: Callable[..., Visitor],
    new_context: Callable[..., BrowserContext],
) -> Accounts:
    """People and windows of this test's own."""
    return Accounts(server, behind_the_server, new_visitor, new_context)


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in and send the form, wherever it stands."""
    page.locator("#username").fill(name)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def fill(page: Page, **fields: str) -> None:
    """Type into fields by their ids."""
    for name, value in fields.items():
        page.locator(f"#{name}").fill(value)


def expect_error(field: Locator, words: str) -> None:
    """The field is marked as wrong, and what is wrong stands beside it, where a screen reader finds it."""
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    [error] = [id for id in described if id.endswith("-error")]
    expect(field.page.locator(f"#{error}")).to_contain_text(words)


def test_a_generated_password_is_changed_before_anything_else(accounts: Accounts) -> None:
    person = accounts.person("rosa")
    person.sign_out()
    accounts.backstage.require_new_password(person.name)
    page = accounts.window().new_page()
    page.goto("/login?next=/account/sessions")
    sign_in(page, person.name)
    heading = page.get_by_role("heading", name="Choose your own password")
    expect(heading).to_be_visible()
    expect(page.get_by_role("navigation", name="Site")).to_have_count(0)
    for path in ("/", "/account/sessions", "/apply"):
        page.goto(path)
        expect(heading).to_be_visible()
    fill(page, current_password=PASSWORD, new_password=f"I am {person.name}", confirm_password=f"I am {person.name}")
    page.get_by_role("button", name="Set the password and go on").click()
    expect_error(page.locator("#new_password"), "It must not contain your name.")
    for field in page.locator("input[type=password]").all():
        expect(field).to_have_value("")
    fill(page, current_password=PASSWORD, new_password=NEW, confirm_password=NEW)
    page.get_by_role("button", name="Set the password and go on").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.goto("/account/sessions")
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()


def test_a_second_factor_with_an_app_from_the_picture_to_the_last_code(accounts: Accounts) -> None:
    person = accounts.person("tess")
    page = accounts.window(person).new_page()
    page.goto("/account/two-factor")
    page.get_by_role("button", name="Set up an app").click()
    picture = page.get_by_role("img", name="QR code of the key below")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 100"), "the picture is not drawn"
    phone = Phone("".join(page.locator(".pairing__group").all_text_contents()))
    fill(page, code="000000")
    page.get_by_role("button", name="Switch it on").click()
    expect_error(page.locator("#code"), "That is not the code the app shows now.")
    assert "".join(page.locator(".pairing__group").all_text_contents()) == phone.key, "the key is still the same"
    fill(page, code=phone.code())
    page.get_by_role("button", name="Switch it on").click()
    expect(page.locator(".codes__code")).to_have_count(10)
    codes = page.locator(".codes__code").all_text_contents()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save as a file").click()
    assert set(codes) <= set(saving.value.path().read_text().split())

    page.get_by_role("button", name="Sign out").click()
    page.goto("/login?next=/account/two-factor")
    sign_in(page, person.name)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    fill(page, code="000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("That was not it")
    phone.wrong_by = STEP  # the code that confirmed the app is spent: the next one is let pass a step early
    fill(page, code=phone.code())
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    page.goto("/login")
    sign_in(page, person.name)
    fill(page, code=codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("That recovery code is used up: 9 left.")).to_be_visible()


def tabs_of(accounts: Accounts, person: Visitor, *paths: str) -> list[Page]:
    """Tabs of one browser, on a clock that the test moves."""
    context = accounts.window(person)
    context.clock.install()
    pages = [context.new_page() for _ in paths]
    for page, path in zip(pages, paths, strict=True):
        page.goto(path)
    return pages


def wait(pages: list[Page], minutes: float) -> None:
    """Time passes for the browser of these tabs: their timers fire as they would."""
    pages[0].context.clock.fast_forward(round(minutes * MINUTE * 1000))


def test_a_person_who_is_away_is_warned_and_signed_out_in_both_tabs_and_one_who_is_not_is_not(
    accounts: Accounts,
) -> None:
    person = accounts.person("ida")
    one, two = tabs = tabs_of(accounts, person, "/account/sessions", "/account/password")
    warnings = [page.locator("#activity-warning") for page in tabs]
    wait(tabs, 27.9)
    for warning in warnings:
        expect(warning).to_be_hidden()
    wait(tabs, 0.2)
    for warning in warnings:
        expect(warning).to_be_visible()
    expect(warnings[0]).to_contain_text("You will be signed out in 1:5")

    with one.expect_response(lambda answer: answer.request.method == "HEAD"):
        one.keyboard.press("Shift")
    expect(warnings[0]).to_be_hidden()
    expect(warnings[1]).to_be_hidden()  # activity in one tab is activity in the other
    wait(tabs, 2)
    for page, path in zip(tabs, ("/account/sessions", "/account/password"), strict=True):
        expect(page).to_have_url(f"{accounts.server.url}{path}")

    wait(tabs, 27)
    with two.expect_response(lambda answer: answer.request.method == "HEAD"):
        two.get_by_role("button", name="Stay signed in").click()
    for warning in warnings:
        expect(warning).to_be_hidden()

    accounts.backstage.let_time_pass(person.name, 31)
    wait(tabs, 30.1)
    for page in tabs:
        page.wait_for_url(re.compile(r"/login\?next="))
    expect(one.locator("#sign-out")).to_have_count(0)
    assert not person.signed_in, "the cookie is worth nothing: the server ended the session"


def test_the_server_knows_better_than_a_tab_that_saw_nobody(accounts: Accounts) -> None:
    """Somebody plays in a third tab that this browser's tabs cannot hear, such as a private chat window on a socket."""
    person = accounts.person("ivo")
    [page] = tabs = tabs_of(accounts, person, "/account/sessions")
    accounts.backstage.let_time_pass(person.name, 5)
    with page.expect_response("**/account/away") as asked:
        wait(tabs, 30.1)
    assert 24 * MINUTE < asked.value.json()["seconds"] <= 25 * MINUTE
    expect(page).to_have_url(f"{accounts.server.url}/account/sessions")
    assert person.signed_in


def test_what_happens_by_itself_is_nobodys_activity(evening: Evening, accounts: Accounts) -> None:
    """The chat scrolls by, sockets ping, somebody else writes: the person is as silent as before."""
    reader, speaker = evening.person("rea"), evening.person("sam")
    [page] = tabs = tabs_of(accounts, reader, f"/c/{evening.slug}")
    expect(page.locator("#chat-status")).to_have_text("Connected")
    wait(tabs, 27)
    evening.says(speaker, "is anybody there?")
    expect(page.locator("#chat-log")).to_contain_text("is anybody there?")
    wait(tabs, 1.1)
    expect(page.locator("#activity-warning")).to_be_visible()
    accounts.backstage.let_time_pass(reader.name, 31)
    evening.says(speaker, "still nobody?")
    wait(tabs, 2)
    expect(page.locator("#chat-log")).to_contain_text("still nobody?")  # nobody loses the stream
    expect(page.locator("#composer-notice")).to_contain_text("What you wrote is kept.")


def test_another_browser_is_signed_out_from_the_list(evening: Evening, accounts: Accounts) -> None:
    person = evening.person("uma")
    there = evening.window(person)
    elsewhere = accounts.new_visitor(accounts.server).sign_in(person.name, PASSWORD)
    page = accounts.window(elsewhere).new_page()
    page.goto("/account/sessions")
    expect(page.locator(".session-list__item")).to_have_count(2)
    expect(page.get_by_text("This one", exact=True)).to_have_count(1)
    page.get_by_role("button", name="End the session on").click()
    expect(page.get_by_text("That browser is signed out.")).to_be_visible()
    expect(page.locator(".session-list__item")).to_have_count(1)
    expect(there.notice).to_contain_text("This session was ended from another place.")
    there.page.goto("/account/sessions")
    expect(there.page).to_have_title("Sign in · Streamzy")


TYPED = {"email": "wim@example.org", "channel_name": "Wim mends radios", "about": "Valves, and what glows.\nSundays."}


def test_whoever_comes_back_to_an_expired_page_loses_nothing_they_typed(accounts: Accounts) -> None:
    person = accounts.person("wim")
    [page] = tabs = tabs_of(accounts, person, "/apply")
    slug = f"radios-{next(numbers)}"
    with page.expect_response("**/apply/address*"):  # what is typed is activity: time must pass after it
        fill(page, **TYPED, slug=slug)
    page.locator("#agree").check()
    accounts.backstage.let_time_pass(person.name, 31)
    wait(tabs, 30.2)
    expect(page.locator("#signed-out")).to_contain_text("What you typed is still here.")
    expect(page.locator("#about")).to_have_value(TYPED["about"])
    page.locator("form[action='/apply'] [type=submit]").click()
    expect(page.get_by_text("What you typed is kept")).to_be_visible()
    sign_in(page, person.name)
    expect(page.get_by_role("heading", name="What you had typed")).to_be_visible()
    for words in (*TYPED.values(), slug):
        expect(page.locator("main")).to_contain_text(words.split("\n")[0])
    page.get_by_role("button", name="Send it now").click()
    expect(page.locator("#status-link")).to_be_visible()
