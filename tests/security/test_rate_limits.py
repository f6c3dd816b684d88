"""How often anybody may do anything: the last that passes, the first that does not, and who is counted as whom."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from app.extensions import db
from app.security.rate_limits import RateLimited, address_key, spend
from tests.people import People, Person
from tests.tables import events

APPLICATION = {"email": "a@example.org", "channel_name": "Radios", "about": "valves", "agree": "y"}


def refused_with_wait(answer: TestResponse) -> bool:
    return answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1


def sign_in_wrongly(person: Person, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"csrf_token": person.csrf_token("/login"), "username": "nobody-here", "password": "not this one"}
    return person.request("/login", method="POST", data=fields, headers=named)


@pytest.mark.settings(RATELIMIT_LOGIN="10 per 5 minutes")
def test_ten_sign_ins_in_five_minutes_pass_and_the_eleventh_does_not(app: Flask) -> None:
    person = Person(app, address="192.0.2.1")
    assert [sign_in_wrongly(person).status_code for _ in range(10)] == [401] * 10
    assert refused_with_wait(sign_in_wrongly(person))
    assert sign_in_wrongly(Person(app, address="192.0.2.2")).status_code == 401
    assert [event.ip for event in events("rate_limit.exceeded")] == ["192.0.2.1"]


@pytest.mark.settings(RATELIMIT_APPLICATIONS="5 per 5 minutes")
def test_five_applications_in_five_minutes_pass_and_the_sixth_does_not(app: Flask) -> None:
    person = Person(app, address="192.0.2.1")
    for number in range(5):
        assert person.post_form("/apply", slug=f"radio-{'abcde'[number]}", **APPLICATION).status_code == 200
    assert refused_with_wait(person.post_form("/apply", slug="radio-f", **APPLICATION))


@pytest.mark.settings(RATELIMIT_REGISTRATION="2 per hour")
def test_registrations_are_counted_by_address(app: Flask) -> None:
    fields = {"password": "lantern-kettle-harbour", "confirm_password": "lantern-kettle-harbour"}
    for name in ("wren", "pelle"):
        person = Person(app, address="192.0.2.1")
        assert person.post_form("/register", username=name, **fields).status_code == 302
    assert refused_with_wait(Person(app, address="192.0.2.1").post_form("/register", username="third", **fields))


@pytest.mark.settings(RATELIMIT_REVEALS="1 per 5 minutes")
def test_presses_of_the_reveal_button_are_counted(app: Flask) -> None:
    person = Person(app, address="192.0.2.1")
    found = re.search(r"/apply/status/[\w-]+", person.post_form("/apply", slug="radios", **APPLICATION).text)
    assert found
    assert person.post(f"{found.group()}/reveal").status_code == 409  # pending: counted all the same
    assert refused_with_wait(person.post(f"{found.group()}/reveal"))


@pytest.mark.settings(RATELIMIT_PASSWORDS="1 per 5 minutes")
def test_password_changes_are_counted(app: Flask, people: People) -> None:
    viewer = people.viewer()
    fields = {"current_password": "wrong", "new_password": "lantern-kettle-harbour", "confirm_password": "lantern"}
    assert viewer.post_form("/account/password", **fields).status_code == 400
    assert refused_with_wait(viewer.post("/account/password", on="/account/sessions", **fields))


@pytest.mark.settings(RATELIMIT_HISTORY="3 per minute")
def test_what_is_refused_is_not_counted_and_says_how_long_to_wait(app: Flask) -> None:
    for _ in range(3):
        spend("history", "somebody")
    for _ in range(2):
        with pytest.raises(RateLimited) as refused:
            spend("history", "somebody")
        assert 1 <= refused.value.retry_after <= 60
    spend("history", "somebody else")


def test_an_ipv6_household_is_one_address() -> None:
    assert address_key("2001:db8:1:2::1") == address_key("2001:db8:1:2:ffff::9")
    assert address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1")
    assert address_key("192.0.2.1") != address_key("192.0.2.2")
    assert address_key("rubbish") == address_key(None) == "unknown"


@pytest.mark.settings(RATELIMIT_LOGIN="3 per 5 minutes")
def test_a_forged_address_counts_for_nothing_without_a_proxy(app: Flask) -> None:
    person = Person(app, address="192.0.2.1")
    for number in range(3):
        assert sign_in_wrongly(person, X_Forwarded_For=f"198.51.100.{number}").status_code == 401
    assert refused_with_wait(sign_in_wrongly(person, X_Forwarded_For="198.51.100.9"))
    assert {event.ip for event in events("login.failed")} == {"192.0.2.1"}


@pytest.mark.settings(RATELIMIT_LOGIN="2 per 5 minutes", TRUSTED_PROXIES="1")
def test_one_trusted_proxy_is_believed_about_the_last_address_only(app: Flask) -> None:
    proxy = Person(app, address="10.0.0.1")
    for forged in ("198.51.100.1", "198.51.100.2"):
        assert sign_in_wrongly(proxy, X_Forwarded_For=f"{forged}, 203.0.113.5").status_code == 401
    assert refused_with_wait(sign_in_wrongly(proxy, X_Forwarded_For="198.51.100.3, 203.0.113.5"))
    assert sign_in_wrongly(proxy, X_Forwarded_For="203.0.113.6").status_code == 401
    assert {event.ip for event in events("login.failed")} == {"203.0.113.5", "203.0.113.6"}


@pytest.mark.settings(TRUSTED_PROXIES="2")
def test_two_trusted_proxies_are_believed_about_the_second_address_from_the_end(app: Flask) -> None:
    proxy = Person(app, address="10.0.0.1")
    sign_in_wrongly(proxy, X_Forwarded_For="198.51.100.1, 203.0.113.5, 10.0.0.2")
    assert events("login.failed")[-1].ip == "203.0.113.5"


def several(*values: str) -> Headers:
    """The header more than once: whoever forges one hopes that theirs is read."""
    return Headers([("X-Forwarded-For", value) for value in values])


@pytest.mark.parametrize(
    ("hops", "ip"),
    [
        pytest.param(hops, ip, marks=pytest.mark.settings(TRUSTED_PROXIES=str(hops)))
        for hops, ip in ((0, "10.0.0.1"), (1, "10.0.0.2"), (2, "203.0.113.5"))
    ],
)
def test_of_several_headers_only_what_trusted_proxies_wrote_last_counts(app: Flask, hops: int, ip: str) -> None:
    person = Person(app, address="10.0.0.1")
    fields = {"csrf_token": person.csrf_token("/login"), "username": "nobody-here", "password": "not this one"}
    headers = several("198.51.100.1, 198.51.100.2", "203.0.113.5", "10.0.0.2")
    headers.extend({"Forwarded": "for=198.51.100.7", "X-Real-IP": "198.51.100.8", "Client-IP": "198.51.100.9"})
    assert person.request("/login", method="POST", data=fields, headers=headers).status_code == 401
    assert [event.ip for event in events("login.failed")] == [ip]


@pytest.mark.parametrize(
    "hops", [pytest.param(hops, marks=pytest.mark.settings(TRUSTED_PROXIES=str(hops))) for hops in (0, 1, 2)]
)
def test_fewer_addresses_than_trusted_proxies_name_nobody_else(app: Flask, hops: int) -> None:
    """Somebody who reaches the app past its second proxy cannot make up who they are."""
    sign_in_wrongly(Person(app, address="10.0.0.1"), **({"X_Forwarded_For": "198.51.100.1"} if hops == 2 else {}))
    assert [event.ip for event in events("login.failed")] == ["10.0.0.1"]


@pytest.mark.settings(TRUSTED_PROXIES="1")
@pytest.mark.parametrize("header", ["rubbish", "", ",,,", "203.0.113.5" * 900, "<script>alert(1)</script>", "::1%eth0"])
def test_a_strange_header_breaks_nothing(app: Flask, header: str) -> None:
    assert sign_in_wrongly(Person(app, address="10.0.0.1"), X_Forwarded_For=header).status_code == 401
    recorded = events("login.failed")[-1].ip
    assert recorded is not None
    assert len(recorded) <= 64
    db.session.rollback()
