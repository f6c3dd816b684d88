"""``flask users``: an operator makes, shuts, opens and mends accounts. Everything is on record."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import select

from app.auth import lockout
from app.auth.announcement import Announcement
from app.auth.recovery_code import RecoveryCode
from app.auth.totp import Totp
from app.auth.user import User
from app.clock import now
from app.extensions import db
from tests.commands.conftest import RunFlask
from tests.people import PASSWORD, People
from tests.tables import events, everything

SIGN_IN = re.compile(r"^Sign-in: (\S+) / (\S{16})$", re.MULTILINE)


def named(name: str) -> User:
    """The account as it stands in the database now."""
    db.session.rollback()
    user = User.named(name)
    assert user
    return user


def announced() -> set[str]:
    """Why sessions ended, as every worker was told."""
    return set(db.session.scalars(select(Announcement.reason).where(Announcement.reason != "")))


def test_a_generated_password_signs_in_and_must_be_changed(flask: RunFlask, people: People) -> None:
    said = flask("users", "create", "alice").stdout
    [(name, password)] = SIGN_IN.findall(said)
    assert name == "alice"
    person = people.visitor().sign_in("alice", password)
    assert person.get("/").location == "/account/password"
    [event] = events("account.created")
    assert (event.actor_name, event.target_name, event.details) == ("flask users create", "alice", {"role": "viewer"})


def test_a_password_from_standard_input_is_final_and_not_printed(flask: RunFlask, people: People) -> None:
    said = flask("users", "create", "alice", "--password-stdin", stdin=f"{PASSWORD}\n").output
    assert PASSWORD not in said and not SIGN_IN.search(said)
    assert people.visitor().sign_in("alice").get("/").status_code == 200


def test_an_admin_can_be_created(flask: RunFlask) -> None:
    flask("users", "create", "alice", "--role", "admin")
    assert named("alice").is_admin


@pytest.mark.parametrize(
    ("name", "stdin", "code", "says"),
    [
        ("alice", "short\n", 1, "at least 12"),
        ("alice", "\n", 2, "No password came"),
        ("alice", "", 2, "No password came"),
        ("alice", "my name is alice\n", 1, "must not contain your name"),
        ("adm1n", f"{PASSWORD}\n", 1, "reserved"),
        ("al ice", f"{PASSWORD}\n", 1, "Use letters"),
        ("v3ra", f"{PASSWORD}\n", 0, "Created"),
        ("VERA", f"{PASSWORD}\n", 1, "taken"),
    ],
)
def test_what_registration_refuses_is_refused_here_too(
    flask: RunFlask, people: People, name: str, stdin: str, code: int, says: str
) -> None:
    people.account("vera")
    assert says in flask("users", "create", name, "--password-stdin", stdin=stdin, code=code).output


def test_a_disabled_account_is_signed_out_and_cannot_sign_in_until_it_is_enabled(
    flask: RunFlask, people: People
) -> None:
    vera = people.viewer("vera")
    flask("users", "disable", "Vera")
    assert not vera.signed_in
    with pytest.raises(AssertionError):
        people.visitor().sign_in("vera")
    assert announced() == {"disabled"}
    flask("users", "enable", "vera")
    assert people.visitor().sign_in("vera").signed_in
    assert [event.actor_name for event in events("account.disabled", "account.enabled")] == [
        "flask users disable",
        "flask users enable",
    ]


def test_doing_it_twice_is_said_and_not_recorded(flask: RunFlask, people: People) -> None:
    people.account("vera")
    assert "is not disabled" in flask("users", "enable", "vera").stdout
    flask("users", "disable", "vera")
    before = everything()
    assert "is disabled already" in flask("users", "disable", "vera").stdout
    assert everything() == before


def test_the_last_admin_cannot_be_disabled(flask: RunFlask, people: People) -> None:
    people.account("ada", role="admin")
    people.account("bea", role="admin")
    flask("users", "disable", "bea")
    before = everything()
    assert "the last admin" in flask("users", "disable", "ada", code=1).stderr
    assert everything() == before


@pytest.mark.settings(LOCKOUT_FAILURES="2")
def test_a_locked_account_can_be_unlocked(flask: RunFlask, people: People) -> None:
    vera = people.account("vera")
    lockout.take_a_try(vera.id)
    lockout.take_a_try(vera.id)
    db.session.commit()
    assert "locked until" in flask("users", "list").stdout
    flask("users", "unlock", "vera")
    assert people.visitor().sign_in("vera").signed_in
    assert [event.target_name for event in events("account.unlocked")] == ["vera"]


@pytest.mark.settings(LOCKOUT_FAILURES="2")
def test_a_reset_password_unlocks_and_ends_every_session(flask: RunFlask, people: People) -> None:
    vera = people.viewer("vera")
    lockout.take_a_try(named("vera").id)
    lockout.take_a_try(named("vera").id)
    db.session.commit()
    [(_, password)] = SIGN_IN.findall(flask("users", "reset-password", "vera").stdout)
    assert not vera.signed_in
    assert people.visitor().sign_in("vera", password).get("/").location == "/account/password"
    with pytest.raises(AssertionError):
        people.visitor().sign_in("vera", PASSWORD)
    assert announced() == {"password_changed"}
    assert [event.target_name for event in events("password.reset")] == ["vera"]


def test_a_new_admin_signs_in_anew(flask: RunFlask, people: People) -> None:
    vera = people.viewer("vera")
    flask("users", "make-admin", "vera")
    assert not vera.signed_in
    assert named("vera").is_admin
    assert announced() == {"role_changed"}
    [event] = events("account.role_changed")
    assert event.details == {"before": "viewer", "after": "admin"}
    assert "is an admin already" in flask("users", "make-admin", "vera").stdout


def test_an_admin_is_made_none_again_and_the_last_one_is_not(flask: RunFlask, people: People) -> None:
    people.account("ada", role="admin")
    bea = people.admin("bea")
    assert "bea is a viewer now" in flask("users", "remove-admin", "bea").stdout
    assert not bea.signed_in
    assert named("bea").role == "viewer"
    assert "is not an admin" in flask("users", "remove-admin", "bea").stdout
    before = everything()
    assert "the last admin" in flask("users", "remove-admin", "ada", code=1).stderr
    assert everything() == before
    [event] = events("account.role_changed")
    assert (event.actor_name, event.details) == ("flask users remove-admin", {"before": "admin", "after": "viewer"})


def test_a_streamer_who_was_admin_is_a_streamer_again(flask: RunFlask, people: People) -> None:
    people.account("ada", role="admin")
    people.streamer("stella")
    flask("users", "make-admin", "stella")
    flask("users", "remove-admin", "stella")
    assert named("stella").role == "streamer"


def test_a_renamed_account_signs_in_with_its_new_name(flask: RunFlask, people: People) -> None:
    vera = people.viewer("vera")
    assert "vera is Veronika now" in flask("users", "rename", "vera", "Veronika").stdout
    assert vera.signed_in
    assert people.visitor().sign_in("veronika").signed_in
    [event] = events("account.renamed")
    assert (event.actor_name, event.details) == ("flask users rename", {"before": "vera", "after": "Veronika"})
    people.account("bert")
    for new, words in (("bert", "taken"), ("b", "3 to 32"), ("Veronika", "has that name already")):
        assert words in flask("users", "rename", "veronika", new, code=1).stderr
    assert "no account named" in flask("users", "rename", "vera", "verena", code=1).stderr


def test_a_disabled_account_does_not_become_admin(flask: RunFlask, people: People) -> None:
    people.account("vera")
    flask("users", "disable", "vera")
    assert "is disabled" in flask("users", "make-admin", "vera", code=1).stderr
    assert named("vera").role == "viewer"


def test_the_list_says_who_is_what(flask: RunFlask, people: People) -> None:
    people.admin("ada")
    people.account("vera")
    flask("users", "disable", "vera")
    listed = json.loads(flask("users", "list", "--json").stdout)
    assert [(one["username"], one["role"], one["state"]) for one in listed] == [
        ("ada", "admin", "active"),
        ("vera", "viewer", "disabled"),
    ]
    assert listed[0]["last_signed_in"] and listed[1]["last_signed_in"] is None
    assert re.search(r"^vera +viewer +disabled ", flask("users", "list").stdout, re.MULTILINE)


def test_a_lost_second_factor_is_taken_away_and_its_sessions_with_it(flask: RunFlask, people: People) -> None:
    vera, otto = people.viewer("vera"), people.viewer("otto")
    for account in (named("vera"), named("otto")):
        Totp.begin(account.id).confirmed_at = now()
        RecoveryCode.renew(account.id)
        db.session.commit()
    assert "signed them out everywhere" in flask("users", "reset-two-factor", "vera").stdout
    assert (vera.signed_in, otto.signed_in) == (False, True)
    assert announced() == {"revoked"}
    assert people.visitor().sign_in("vera").signed_in, "the password is enough again"
    assert people.visitor().post_form("/login", username="otto", password=PASSWORD).location == "/login/verify"
    assert set(db.session.scalars(select(RecoveryCode.account_id))) == {named("otto").id}
    [event] = events("two_factor.reset")
    assert (event.actor_name, event.target_name) == ("flask users reset-two-factor", "vera")
    before = everything()
    assert "has no second factor" in flask("users", "reset-two-factor", "vera").stdout
    assert everything() == before


@pytest.mark.parametrize(
    "command", ["disable", "enable", "unlock", "reset-password", "make-admin", "remove-admin", "reset-two-factor"]
)
def test_nobody_of_that_name_is_said_in_words(flask: RunFlask, command: str) -> None:
    assert "There is no account named nobody." in flask("users", command, "nobody", code=1).stderr
    flask("users", command, code=2)
