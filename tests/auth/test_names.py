"""Names: one namespace for accounts, channels and applications, in which no two look the same."""

from __future__ import annotations

import itertools

import pytest

from app.auth import name as names
from app.auth.name import NameRefused
from app.channels.channel import Channel
from app.extensions import db
from tests.people import PASSWORD, People
from tests.postgres import on_both_databases

LOOK_ALIKES = [
    ("vera", "VERA"),
    ("bill", "bi11"),
    ("bill", "BiIl"),
    ("oscar", "0scar"),
    ("big_boss", "big-boss"),
    ("modern", "modem"),
    ("savvy", "sawy"),
    ("w1ll-0w", "will_ow"),
    ("corner", "comer"),
]
DIFFERENT = [
    ("vera", "verb"),
    ("anna", "hanna"),
    ("tom2", "tom3"),
    ("rne", "mee"),
    ("a-b-c", "abc"),
    ("nina", "mina"),
    ("5tella", "stella"),
]


@pytest.mark.parametrize(("one", "other"), LOOK_ALIKES)
def test_names_that_look_alike_are_one_name(one: str, other: str) -> None:
    assert one != other
    assert names.appearance(one) == names.appearance(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_that_look_different_are_two(one: str, other: str) -> None:
    assert names.appearance(one) != names.appearance(other)


@on_both_databases
def test_nobody_registers_a_name_that_looks_like_another(people: People) -> None:
    for name in {one for one, _ in LOOK_ALIKES}:
        people.account(name)
    for _, other in LOOK_ALIKES:
        impostor = people.visitor()
        answer = impostor.post_form("/register", username=other, password=PASSWORD, confirm_password=PASSWORD)
        assert answer.status_code == 409
        assert "looks too much like one that is" in answer.text
        assert not impostor.signed_in


@on_both_databases
def test_accounts_and_channels_share_their_names(people: People) -> None:
    owner = people.account("owner-1")
    Channel.open("lounge", "The lounge", owner)
    db.session.commit()
    assert names.is_taken("LOUNGE")
    with pytest.raises(NameRefused):
        people.account("1ounge")
    db.session.rollback()
    with pytest.raises(NameRefused):
        names.take("owner-l", "channel")


def test_an_account_may_open_the_channel_of_its_own_name(people: People) -> None:
    owner = people.account("Stella")
    assert Channel.open("stella", "Stella live", owner).slug == "stella"


@pytest.mark.parametrize("reserved", sorted(names.RESERVED))
def test_no_account_or_channel_passes_for_the_house(reserved: str) -> None:
    for check in (names.check_username, names.check_slug):
        with pytest.raises(NameRefused):
            check(reserved)


@pytest.mark.parametrize("disguised", ["Admin", "ADMIN", "adm1n", "admln", "adrnin", "m0d", "MOD", "0fficial"])
def test_a_reserved_name_is_reserved_in_disguise_too(disguised: str) -> None:
    with pytest.raises(NameRefused, match="reserved"):
        names.check_username(disguised)


FOREIGN = (
    "\u0430dmin",  # Cyrillic a
    "adm\u0456n",  # Ukrainian i
    "\uff41\uff44\uff4d\uff49\uff4e",  # full-width letters
    "\U0001d4b6dmin",  # a mathematical a
    "admin\u200b",  # and a space of no width
    "ad\u00admin",  # a soft hyphen within
    "\u202enimda",  # shown from right to left
    "v\u00e9ra",
)


@pytest.mark.parametrize("name", FOREIGN)
def test_only_plain_letters_so_that_no_alphabet_imitates_another(name: str) -> None:
    for check in (names.check_username, names.check_slug):
        with pytest.raises(NameRefused, match="letters a to z"):
            check(name)


@pytest.mark.parametrize(("length", "accepted"), [(2, False), (3, True), (32, True), (33, False)])
def test_names_have_three_to_thirty_two_characters(length: int, accepted: bool) -> None:
    name = "".join(itertools.islice(itertools.cycle("vera"), length))
    for check in (names.check_username, names.check_slug):
        if accepted:
            check(name)
        else:
            with pytest.raises(NameRefused):
                check(name)


@pytest.mark.parametrize(
    "slug", ["Stella", "stel_la", "-stella", "stel la", "stella/", "..", "stella.", "stella\n", ""]
)
def test_an_address_is_small_letters_digits_and_dashes(slug: str) -> None:
    with pytest.raises(NameRefused):
        names.check_slug(slug)


def test_only_a_reservation_is_given_back(people: People) -> None:
    people.account("vera")
    names.take("lounge", "application")
    names.release_reservation("vera")
    names.release_reservation("lounge")
    assert names.is_taken("vera")
    assert not names.is_taken("lounge")
