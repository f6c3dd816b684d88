"""What an admin does to accounts, what nobody may do, and what two admins at once cannot do either."""

from __future__ import annotations

import html
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.auth import lockout
from app.auth.account_recovery import AccountRecovery
from app.auth.announcement import Announcement
from app.auth.totp import Totp
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import Clock, now
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

ACTS = ["disable", "enable", "unlock", "rename", "make-admin", "remove-admin", "end-sessions", "reset-password"]
RISKY = ["disable", "make-admin", "remove-admin", "end-sessions", "reset-password", "reset-second-factor"]


def named(name: str) -> User:
    """The account as it stands in the database now."""
    db.session.rollback()
    user = User.named(name)
    assert user
    return user


def act(admin: Person, what: str, on: int, **fields: str) -> tuple[int, str]:
    """Press a button; the status and the page that comes, with what it flashed."""
    answer = admin.post(f"/admin/users/{on}/{what}", on="/account/sessions", **fields)
    text = answer.text if answer.status_code != 302 else admin.get(str(answer.location)).text
    return answer.status_code, html.unescape(text)


def announced() -> set[str]:
    """Why sessions ended, as every worker was told."""
    return set(db.session.scalars(select(Announcement.reason).where(Announcement.reason != "")))


@on_both_databases
def test_shutting_and_opening_an_account(people: People) -> None:
    ada, vera = people.admin("ada"), people.viewer("vera")
    status, page = act(ada, "disable", named("vera").id)
    assert status == 302 and "vera is disabled" in page
    assert not vera.signed_in
    with pytest.raises(AssertionError):
        people.visitor().sign_in("vera")
    assert announced() == {"disabled"}
    assert "disabled already" in act(ada, "disable", named("vera").id)[1]
    assert "vera may sign in again" in act(ada, "enable", named("vera").id)[1]
    assert people.visitor().sign_in("vera").signed_in
    [shut] = events("account.disabled")
    assert (shut.actor_name, shut.target_name) == ("ada", "vera")
    assert len(events("account.enabled")) == 1


@pytest.mark.parametrize("what", ACTS + ["reset-second-factor"])
def test_who_is_no_admin_acts_on_nobody(people: People, what: str) -> None:
    bert = people.account("bert", role="admin")
    for person in (people.visitor(), people.viewer("vera"), people.streamer("stella")):
        answer = person.post(f"/admin/users/{bert.id}/{what}", username="other")
        assert answer.status_code in (302, 403)
    assert named("bert").is_admin and not named("bert").is_disabled
    assert named("bert").password_hash


@pytest.mark.parametrize("what", RISKY)
def test_risky_acts_take_the_password_again_after_a_while(people: People, clock: Clock, what: str) -> None:
    ada = people.admin("ada")
    people.account("vera")
    clock.offset_seconds = 6 * 60
    answer = ada.post(f"/admin/users/{named('vera').id}/{what}", on="/account/sessions")
    assert answer.status_code == 302 and str(answer.location).startswith("/account/confirm")
    assert not named("vera").is_disabled and named("vera").password_hash
    ada.post_form("/account/confirm", password=PASSWORD)
    assert act(ada, what, named("vera").id)[0] in (200, 302, 409)


@on_both_databases
def test_a_new_admin_signs_in_anew_and_so_does_one_who_is_none_any_more(people: People) -> None:
    ada, stella = people.admin("ada"), people.streamer("stella")
    act(ada, "make-admin", named("stella").id)
    assert not stella.signed_in
    assert named("stella").role == "admin"
    assert stella.sign_in("stella").get("/admin/").status_code == 200
    act(ada, "remove-admin", named("stella").id)
    assert not stella.signed_in
    assert named("stella").role == "streamer", "who owns a channel is a streamer again"
    assert announced() == {"role_changed"}
    assert stella.sign_in("stella").get("/admin/").status_code == 403
    assert [event.details for event in events("account.role_changed")] == [
        {"before": "streamer", "after": "admin"},
        {"before": "admin", "after": "streamer"},
    ]


@pytest.mark.parametrize("what", ["make-admin", "remove-admin", "disable", "reset-password", "reset-second-factor"])
def test_nobody_does_it_to_themselves(people: People, what: str) -> None:
    people.account("bea", role="admin")
    ada = people.admin("ada")
    hashed = named("ada").password_hash
    status, page = act(ada, what, named("ada").id)
    assert status == 409
    assert "Nothing was changed." in page
    assert named("ada").is_admin and not named("ada").is_disabled and named("ada").password_hash == hashed
    assert ada.signed_in
    assert f"/admin/users/{named('ada').id}/{what}" not in ada.get(f"/admin/users/{named('ada').id}").text


def test_what_cannot_be_is_said_and_changes_nothing(people: People) -> None:
    ada = people.admin("ada")
    people.account("vera")
    named("vera").disable()
    db.session.commit()
    before = everything(without=("audit_event", "audit_head", "user_session"))
    for what, words in (
        ("make-admin", "is disabled: enable the account first"),
        ("reset-password", "is disabled: enable the account first"),
        ("remove-admin", "is not an admin"),
    ):
        status, page = act(ada, what, named("vera").id)
        assert (status, words in page) == (409, True), (what, page)
    assert everything(without=("audit_event", "audit_head", "user_session")) == before
    assert act(ada, "disable", 999)[0] == 404


@on_both_databases
@pytest.mark.parametrize("what", ["disable", "remove-admin"])
def test_two_admins_who_act_on_each_other_at_once_do_not_leave_none(people: People, what: str) -> None:
    for round_ in range(4):
        pair = [f"ada-{round_}", f"bea-{round_}"]
        for user in db.session.scalars(select(User)):
            user.role = "viewer"
        people_of_pair = [people.admin(name) for name in pair]
        targets = [named(pair[1]).id, named(pair[0]).id]
        db.session.rollback()
        with ThreadPoolExecutor(2) as pool:
            paths = [f"/admin/users/{target}/{what}" for target in targets]
            tokens = [person.csrf_token("/account/sessions") for person in people_of_pair]
            answers = list(
                pool.map(
                    lambda person, path, token: person.request(path, method="POST", data={"csrf_token": token}),
                    people_of_pair,
                    paths,
                    tokens,
                )
            )
        db.session.rollback()
        left = db.session.scalar(
            select(func.count()).select_from(User).where(User.role == "admin", User.disabled_at.is_(None))
        )
        assert left == 1, [answer.status for answer in answers]
        assert max(answer.status_code for answer in answers) < 500


@on_both_databases
def test_the_last_admin_stays(people: People) -> None:
    """Who acts may have been shut out a moment ago, when the request was on its way: the act itself must refuse."""
    people.account("ada", role="admin")
    user = named("ada")
    for verb in (user.disable, lambda: user.remove_admin("viewer"), lambda: user.erase(channel_slug=None)):
        with pytest.raises(ValueError, match="last admin"):
            verb()
        db.session.rollback()
    assert named("ada").is_admin and not named("ada").is_disabled


@on_both_databases
def test_a_renamed_account_signs_in_with_its_new_name_and_the_old_one_is_free(people: People) -> None:
    ada, vera = people.admin("ada"), people.viewer("vera")
    status, page = act(ada, "rename", named("vera").id, username="Veronika")
    assert status == 302 and "named Veronika now" in page
    assert vera.signed_in
    assert "Veronika" in vera.get("/account/sessions").text
    assert people.visitor().sign_in("veronika").signed_in
    people.account("v3ra")
    [event] = events("account.renamed")
    assert event.details == {"before": "vera", "after": "Veronika"}
    assert act(ada, "rename", named("veronika").id, username="VERONIKA")[0] == 302, "its own name in other letters"


@on_both_databases
def test_a_streamers_channel_keeps_its_address_and_nobody_else_gets_it(people: People) -> None:
    ada = people.admin("ada")
    people.streamer("stella")
    act(ada, "rename", named("stella").id, username="stella-maria")
    assert people.visitor().get("/c/stella").status_code == 200
    with pytest.raises(ValueError, match="taken"):
        people.account("5tella".replace("5", "s"))
    db.session.rollback()
    assert act(ada, "rename", named("stella-maria").id, username="stella")[0] == 302, "back to the channel's name"
    assert act(ada, "rename", named("stella").id, username="someone")[0] == 302
    assert people.visitor().get("/c/stella").status_code == 200
    with pytest.raises(ValueError, match="taken"):
        people.account("stella")


@pytest.mark.parametrize(
    ("username", "status", "words"),
    [
        ("", 400, "Type the new name."),
        ("b\u200bert", 409, "nobody can see"),
        ("bert", 409, "taken"),
        ("B3RT".replace("3", "e"), 409, "taken"),
        ("admin", 409, "reserved"),
        ("vera", 409, "has that name already"),
    ],
)
def test_a_name_that_cannot_be_is_refused_beside_the_field_and_kept(
    people: People, username: str, status: int, words: str
) -> None:
    ada = people.admin("ada")
    people.account("vera")
    people.account("bert")
    got, page = act(ada, "rename", named("vera").id, username=username)
    assert got == status
    assert words in page
    assert 'id="username-error"' in page
    assert f'value="{username}"' in page
    assert named("vera").username == "vera"


@pytest.mark.settings(LOCKOUT_FAILURES="2")
def test_a_locked_account_is_let_try_again(people: People) -> None:
    ada = people.admin("ada")
    vera = people.account("vera")
    lockout.take_a_try(vera.id)
    lockout.take_a_try(vera.id)
    db.session.commit()
    assert "Locked until" in ada.get(f"/admin/users/{vera.id}").text
    act(ada, "unlock", vera.id)
    assert people.visitor().sign_in("vera").signed_in
    assert len(events("account.unlocked")) == 1


def test_signing_somebody_out_everywhere(people: People) -> None:
    ada, vera = people.admin("ada"), people.viewer("vera")
    act(ada, "end-sessions", named("vera").id)
    assert not vera.signed_in
    assert vera.sign_in("vera").signed_in
    assert len(events("account.sessions_ended")) == 1
    assert announced() == {"revoked"}


def test_a_lost_second_factor_is_taken_away(people: People) -> None:
    ada, vera = people.admin("ada"), people.account("vera")
    assert "had no second factor" in act(ada, "reset-second-factor", vera.id)[1]
    assert not events("two_factor.reset")
    Totp.begin(vera.id).confirmed_at = now()
    db.session.commit()
    act(ada, "reset-second-factor", vera.id)
    assert people.visitor().sign_in("vera").signed_in
    [event] = events("two_factor.reset")
    assert (event.actor_name, event.target_name) == ("ada", "vera")


def test_a_deleted_account_is_beyond_every_act(people: People) -> None:
    ada = people.admin("ada")
    account_id = people.account("vera").id
    named("vera").erase(channel_slug=None)
    db.session.commit()
    for what in ("disable", "enable", "rename", "make-admin", "reset-password"):
        assert act(ada, what, account_id, username="vera")[0] == 409
    assert "its owner deleted it" in ada.get(f"/admin/users/{account_id}").text


def test_a_reset_ends_the_recovery_code_too(people: People) -> None:
    """Whoever asks an admin may have lost the code to somebody."""
    ada, vera = people.admin("ada"), people.account("vera")
    AccountRecovery.renew(vera)
    db.session.commit()
    act(ada, "reset-password", vera.id)
    assert AccountRecovery.of(named("vera")) is None


def test_an_admin_who_owns_a_channel_keeps_it(people: People) -> None:
    ada = people.admin("ada")
    people.streamer("stella")
    act(ada, "make-admin", named("stella").id)
    assert Channel.of(named("stella")) is not None
