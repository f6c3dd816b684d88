"""Passkeys as people meet them: Chromium with a virtual authenticator, at an address that can have passkeys."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.evening import PASSWORD, numbers
from tests.streamzy_server import StreamzyServer

pytestmark = [pytest.mark.prove, pytest.mark.browser]

NOT_ACCEPTED = "This passkey was not accepted."


class Authenticator:
    """A platform authenticator such as phones and laptops have, made by the browser for tests."""

    def __init__(self, page: Page) -> None:
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def send(self, command: str, **more: Any) -> Any:
        """A command of the DevTools protocol about this one."""
        return self.cdp.send(f"WebAuthn.{command}", {"authenticatorId": self.id, **more})

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """The passkeys in it."""
        found: list[dict[str, Any]] = self.send("getCredentials")["credentials"]
        return found

    def exchange_keys(self) -> None:
        """Keep every passkey's id and handle, and sign with other secrets from now on: what a thief could make."""
        for credential in self.credentials:
            other = ec.generate_private_key(ec.SECP256R1())
            der = other.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            self.send("removeCredential", credentialId=credential["credentialId"])
            self.send("addCredential", credential={**credential, "privateKey": base64.b64encode(der).decode()})


class Desk:
    """Somebody with an account in front of a browser whose device makes passkeys."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.name = f"pia-{next(numbers)}"
        self.page = context.new_page()
        self.authenticator = Authenticator(self.page)
        self.page.goto(f"{url}/register")
        self.page.locator("#username").fill(self.name)
        self.page.locator("#password").fill(PASSWORD)
        self.page.locator("#confirm_password").fill(PASSWORD)
        self.page.get_by_role("button", name="Create the account").click()
        expect(self.page.locator("#recovery-code")).to_be_visible()

    def add_passkey(self, name: str) -> None:
        """Make one on the page of the second factor."""
        self.page.goto(f"{self.url}/account/two-factor")
        self.page.locator("#passkey-name").fill(name)
        self.page.get_by_role("button", name="Add a passkey").click()
        self.page.get_by_text(f"The passkey {name} is added.").wait_for()

    def sign_out(self) -> None:
        """Press the button that every page has."""
        self.page.get_by_role("button", name="Sign out").click()
        self.page.get_by_text("You are signed out.").wait_for()

    def give_password(self) -> None:
        """Take the first step."""
        self.page.goto(f"{self.url}/login")
        self.page.locator("#username").fill(self.name)
        self.page.locator("#password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url("**/login/verify")

    def use_passkey(self) -> None:
        """Press the button of the second step."""
        self.page.get_by_role("button", name="Use a passkey").click()

    def passkey_alone(self) -> None:
        """Sign in without a name and a password."""
        self.page.goto(f"{self.url}/login")
        self.page.get_by_role("button", name="Sign in with a passkey").click()

    def expect_inside(self) -> None:
        """The page carries the sign-out form."""
        expect(self.page.locator("#sign-out")).to_be_visible()

    def expect_refused(self, words: str = NOT_ACCEPTED) -> None:
        """The page says why not, and nobody is signed in."""
        self.page.get_by_text(words).wait_for()
        expect(self.page.locator("#sign-out")).to_have_count(0)


@pytest.fixture
def desk(server: StreamzyServer, new_context: Callable[..., BrowserContext]) -> Desk:
    """A desk of this test's own, at http://localhost: no browser makes passkeys for a number."""
    return Desk(new_context(), server.url.replace("127.0.0.1", "localhost"))


@pytest.mark.browser
def test_a_passkey_is_added_used_beside_the_password_and_alone_and_removed(desk: Desk) -> None:
    page = desk.page
    desk.add_passkey("laptop")
    expect(page.locator(".codes__code")).to_have_count(10)
    assert [credential["isResidentCredential"] for credential in desk.authenticator.credentials] == [True]

    desk.sign_out()
    desk.give_password()
    expect(page.locator("#sign-out")).to_have_count(0)
    desk.use_passkey()
    desk.expect_inside()

    desk.sign_out()
    desk.passkey_alone()
    desk.expect_inside()
    page.goto(f"{desk.url}/account/two-factor")
    expect(page.get_by_role("heading", name="laptop")).to_be_visible()
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("This device already holds a passkey of your account.").wait_for()

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove laptop").click()
    page.get_by_text("Delete it on your device as well.").wait_for()
    desk.sign_out()
    assert len(desk.authenticator.credentials) == 1, "the device has it still"
    desk.passkey_alone()
    desk.expect_refused()


@pytest.mark.browser
def test_a_finger_that_is_not_the_owners_opens_nothing(desk: Desk) -> None:
    desk.add_passkey("laptop")
    desk.sign_out()
    desk.authenticator.send("setUserVerified", isUserVerified=False)
    desk.passkey_alone()
    desk.expect_refused("Cancelled, or it took too long. Nothing has changed.")
    desk.authenticator.send("setUserVerified", isUserVerified=True)
    desk.passkey_alone()
    desk.expect_inside()


@pytest.mark.browser
def test_a_wrong_key_is_refused_in_both_places(desk: Desk) -> None:
    desk.add_passkey("laptop")
    desk.sign_out()
    desk.authenticator.exchange_keys()
    desk.passkey_alone()
    desk.expect_refused()
    desk.give_password()
    desk.use_passkey()
    desk.expect_refused()
    expect(desk.page).to_have_title("Second step · Streamzy")


@pytest.mark.browser
def test_what_the_browser_sent_opens_nothing_when_it_is_sent_again(desk: Desk) -> None:
    desk.add_passkey("laptop")
    desk.sign_out()
    sent: list[tuple[str, dict[str, str]]] = []
    desk.page.on(
        "request",
        lambda request: (
            sent.append((request.post_data or "", request.all_headers()))
            if request.url == f"{desk.url}/login/passkey" and request.method == "POST"
            else None
        ),
    )
    desk.passkey_alone()
    desk.expect_inside()
    [(body, headers)] = sent
    assert "credential=" in body
    kept = {name: headers[name] for name in ("cookie", "content-type", "origin", "referer")}
    answer = requests.post(f"{desk.url}/login/passkey", data=body, headers=kept, allow_redirects=False, timeout=30)
    assert (answer.status_code, NOT_ACCEPTED in answer.text) == (401, True)


@pytest.mark.browser
def test_without_javascript_and_at_a_number_the_page_says_what_is_missing(
    server: StreamzyServer, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    page.goto(f"{server.url}/login")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
    plain = new_context(java_script_enabled=False).new_page()
    plain.goto(f"{server.url.replace('127.0.0.1', 'localhost')}/login")
    expect(plain.locator("form[data-passkey]")).to_be_hidden()
