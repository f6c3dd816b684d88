"""A password reset by an admin: a private link that shows a new password once, to its owner, never to the admin."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.auth.user import User
from app.clock import Clock
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

LINK = re.compile(r'id="reveal-link">http://localhost(/reveal/[\w-]{43})<')
SHOWN = re.compile(r'id="generated-(username|password)">(.*?)</span>(?=<button)', re.DOTALL)


def reset(admin: Person, name: str = "vera") -> str:
    """Press the button; the link's path."""
    db.session.rollback()
    user = User.named(name)
    assert user
    page = admin.post_form(f"/admin/users/{user.id}/reset-password", on=f"/admin/users/{user.id}").text
    [link] = LINK.findall(page)
    return str(link)


def fetch(person: Person, link: str) -> tuple[str, str]:
    """Press the button on the link's page; name and password."""
    answer = person.post_form(link)
    assert answer.status_code == 200, answer.text
    return sign_in_on(answer.text)


def sign_in_on(page: str) -> tuple[str, str]:
    """Name and password as they stand on the page, without the gaps' markup."""
    shown = {what: re.sub("<[^>]+>", "", text) for what, text in SHOWN.findall(page)}
    return shown["username"], shown["password"]


@on_both_databases
def test_the_owner_fetches_a_password_once_and_chooses_another(people: People) -> None:
    ada, vera = people.admin("ada"), people.viewer("vera")
    link = reset(ada)
    assert not vera.signed_in
    with pytest.raises(AssertionError):
        people.visitor().sign_in("vera", PASSWORD)
    username, password = fetch(vera, link)
    assert (username, len(password)) == ("vera", 16)
    assert "has been shown" in vera.get(link).text
    assert password not in vera.get(link).text
    assert password not in str(everything())
    assert link.removeprefix("/reveal/") not in str(everything())
    assert people.visitor().sign_in("vera", password).get("/").location == "/account/password"
    [offered] = events("password.reset_offered")
    [revealed] = events("password.reset_revealed")
    assert (offered.actor_name, offered.target_name, revealed.target_name) == ("ada", "vera", "vera")


def test_opening_the_link_changes_nothing(people: People) -> None:
    """Mail scanners and chat previews open links."""
    ada = people.admin("ada")
    people.account("vera")
    link = reset(ada)
    scanner = people.visitor()
    before = everything()
    answer = scanner.get(link)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert everything() == before
    assert fetch(people.visitor(), link)[0] == "vera"


@on_both_databases
def test_a_double_click_does_not_lose_it_and_another_browser_gets_nothing(people: People, clock: Clock) -> None:
    ada = people.admin("ada")
    people.account("vera")
    link = reset(ada)
    vera, thief = people.visitor(), people.visitor()
    _, first = fetch(vera, link)
    token = thief.csrf_token("/login")
    assert thief.request(link, method="POST", data={"csrf_token": token}).status_code == 409
    _, second = fetch(vera, link)
    assert first != second
    with pytest.raises(AssertionError):
        people.visitor().sign_in("vera", first)
    clock.offset_seconds = 61
    assert vera.request(link, method="POST", data={"csrf_token": vera.csrf_token("/login")}).status_code == 409
    assert people.visitor().sign_in("vera", second).signed_in


def test_once_it_was_used_to_sign_in_it_cannot_be_made_anew(people: People) -> None:
    ada = people.admin("ada")
    people.account("vera")
    link = reset(ada)
    vera = people.visitor()
    _, password = fetch(vera, link)
    people.visitor().sign_in("vera", password)
    assert vera.request(link, method="POST", data={"csrf_token": vera.csrf_token("/login")}).status_code == 409


@on_both_databases
def test_of_four_browsers_at_once_one_gets_it(people: People) -> None:
    ada = people.admin("ada")
    people.account("vera")
    link = reset(ada)
    ready = [(browser, browser.csrf_token(link)) for browser in (people.visitor() for _ in range(4))]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: pair[0].request(link, method="POST", data={"csrf_token": pair[1]}), ready))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    [shown] = [answer for answer in answers if answer.status_code == 200]
    assert people.visitor().sign_in(*sign_in_on(shown.text)).signed_in


def test_after_seven_days_it_shows_nothing(people: People, clock: Clock) -> None:
    ada = people.admin("ada")
    people.account("vera")
    link = reset(ada)
    clock.offset_seconds = 7 * 86400 + 1
    vera = people.visitor()
    assert "time to fetch the password is over" in vera.get(link).text
    assert vera.request(link, method="POST", data={"csrf_token": vera.csrf_token("/login")}).status_code == 409


def test_a_later_link_ends_the_former_one(people: People) -> None:
    ada = people.admin("ada")
    people.account("vera")
    former, later = reset(ada), reset(ada)
    assert people.visitor().get(former).status_code == 404
    assert fetch(people.visitor(), later)[0] == "vera"


def test_a_shut_account_fetches_nothing(people: People) -> None:
    ada = people.admin("ada")
    vera = people.account("vera")
    link = reset(ada)
    ada.post(f"/admin/users/{vera.id}/disable", on="/account/sessions")
    person = people.visitor()
    assert "The account is shut" in person.get(link).text
    assert person.request(link, method="POST", data={"csrf_token": person.csrf_token("/login")}).status_code == 409


def test_the_admin_never_sees_a_password_and_the_link_only_once(people: People) -> None:
    ada = people.admin("ada")
    vera = people.account("vera")
    link = reset(ada)
    page = ada.get(f"/admin/users/{vera.id}").text
    assert link not in page
    assert "the owner has yet to fetch one" in page
    assert "generated-password" not in page
    fetch(people.visitor(), link)
    page = ada.get(f"/admin/users/{vera.id}").text
    assert "Used" in page and "Generated, to be changed at the next sign-in" in page


def test_an_address_that_nobody_was_given_is_not_there(people: People) -> None:
    assert people.visitor().get("/reveal/" + "a" * 43).status_code == 404


@pytest.mark.settings(RATELIMIT_REVEALS="2 per 5 minutes")
def test_pressing_all_day_is_stopped(people: People) -> None:
    ada = people.admin("ada")
    people.account("vera")
    link = reset(ada)
    vera = people.visitor()
    token = vera.csrf_token("/login")
    answers = [vera.request(link, method="POST", data={"csrf_token": token}).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
