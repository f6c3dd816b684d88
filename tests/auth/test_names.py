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


REASONS = [
    ("vera\u202eadmin", "turns the direction of writing around (U+202E)"),
    ("vera\u2066", "turns the direction of writing around (U+2066)"),
    ("\u200fvera", "turns the direction of writing around (U+200F)"),
    ("ve\u200bra", "nobody can see (U+200B)"),
    ("ve\u200dra", "nobody can see (U+200D)"),
    ("\ufeffvera", "nobody can see (U+FEFF)"),
    ("ve\u00adra", "nobody can see (U+00AD)"),
    ("ve\u3164ra", "nobody can see (U+3164)"),
    ("vera\0", "a control character (U+0000)"),
    ("ve\nra", "a control character (U+000A)"),
    ("ve\u2028ra", "a control character (U+2028)"),
    ("ve\ue000ra", "means nothing (U+E000)"),
    ("v\u0435ra", "mixes alphabets: \u0435 is Cyrillic"),
    ("ver\u03b1", "mixes alphabets: \u03b1 is Greek"),
    ("\u0432\u0435\u0440\u0430", "Cyrillic letters could imitate"),
    ("\uff56era", "Write v in place of \uff56"),
    ("\U0001d4cbera", "Write v in place of \U0001d4cb"),
    ("\ufb01ona", "Write fi in place of \ufb01"),
    ("v\u00e9ra", "It holds \u00e9."),
    ("ve\U0001f642ra", "It holds \U0001f642."),
]


@pytest.mark.parametrize(("name", "reason"), REASONS)
def test_a_character_that_has_no_place_in_a_name_is_named(name: str, reason: str) -> None:
    """Most of them cannot be seen: "use letters" alone would leave somebody staring at a name that looks right."""
    for check in (names.check_username, names.check_slug):
        with pytest.raises(NameRefused) as refused:
            check(name)
        assert reason in str(refused.value)


@on_both_databases
def test_the_reason_stands_beside_the_field_and_what_was_typed_stays(people: People) -> None:
    answer = people.visitor().post_form("/register", username="v\u0435ra", password=PASSWORD, confirm_password=PASSWORD)
    assert answer.status_code == 400
    assert "mixes alphabets" in answer.text
    assert 'id="username-error"' in answer.text
    assert 'value="v\u0435ra"' in answer.text


@on_both_databases
@pytest.mark.parametrize("typed", ["vera", "VERA", "\uff56\uff45\uff52\uff41", "Ver\uff41"])
def test_signing_in_finds_a_name_however_the_keyboard_writes_it(people: People, typed: str) -> None:
    people.account("Vera")
    assert people.visitor().sign_in(typed).signed_in


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
