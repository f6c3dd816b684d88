"""Attacks are named, talk passes, and neither takes long to tell."""

import gc
import random
import time
from pathlib import Path

import pytest

from app.security.input_validation import LONGEST_READ, attack_rule
from tests.security.samples import SQL_INJECTION, TALK, XSS

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"


def not_named(lines: list[str], family: str) -> list[str]:
    return [line for line in lines if not (attack_rule(line) or "").startswith(family)]


def blocked(lines: list[str]) -> list[tuple[str, str]]:
    return [(rule, line) for line in lines if (rule := attack_rule(line))]


def test_active_html_is_named():
    assert not_named(XSS, "html.") == []


def test_sql_injection_is_named():
    assert not_named(SQL_INJECTION, "sql.") == []


def test_talk_passes():
    assert blocked(TALK) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("<script>steal()</script>", "html.script"),
        ("<img src=x onerror=steal()>", "html.event_handler"),
        ("<iframe src=//evil.example>", "html.loader"),
        ("<a href='javascript:steal()'>x</a>", "html.script_url"),
        ("<p style='x:expression(steal())'>", "html.active_style"),
        ("<svg><set attributeName=onclick to=steal()></svg>", "html.animated_attribute"),
        ("<style>a{b:c}</style>", "html.style_sheet"),
        ("-1 union select 1,2", "sql.union_select"),
        ("' or '1'='1", "sql.tautology"),
        ("x' or name like '%", "sql.breakout"),
        ("1 and 1=(select 1)", "sql.subquery"),
        ("'; drop table users; --", "sql.stacked_statement"),
        ("1 and sleep(5)", "sql.time_function"),
        ("1 into outfile '/tmp/x'", "sql.file_or_shell"),
        ("1,(select name from sqlite_master)", "sql.catalogue"),
        ("1 order by 9--", "sql.order_by_probe"),
        ("admin'--", "sql.comment_tail"),
        ("a" * (LONGEST_READ + 1), "text.too_long"),
    ],
)
def test_the_rule_that_fired_is_named(text: str, rule: str):
    assert attack_rule(text) == rule


@pytest.mark.parametrize(
    "talk",
    [
        "a bare <iframe> or <form> loads nothing",
        "<a href='https://example.org'>link</a>",
        "<svg width=5></svg>",
        "<p style='color:red'>",
        "<img src=cat.png alt='one=1'>",
        "<b onclick>no value, no handler</b>",
        "javascript: the good parts",
        "select name from users where id=1 or id=2",
        "it's 1 or 2 = fine",
        "time.sleep(5)",
        "a" * LONGEST_READ,
    ],
)
def test_what_is_near_an_attack_but_harmless_passes(talk: str):
    assert attack_rule(talk) is None


def test_capitals_and_odd_spaces_hide_nothing():
    assert not_named([line.upper() for line in SQL_INJECTION], "sql.") == []
    assert not_named([line.replace(" ", "\t\n ") for line in SQL_INJECTION], "sql.") == []
    assert not_named([line.upper() for line in XSS if "&" not in line], "html.") == []  # `&COLON;` is no entity


def test_comments_stand_in_for_spaces_in_vain():
    spaced = [line for line in SQL_INJECTION if " " in line and not any(mark in line for mark in ("--", "#", "/*"))]
    assert len(spaced) > 30
    assert not_named([line.replace(" ", "/*x*/") for line in spaced], "sql.") == []


def test_a_tag_is_found_amid_talk():
    tags = [line for line in XSS if line.startswith("<") and line.endswith(">")]
    assert len(tags) > 40
    assert not_named([f"it's \"fun\" > look: {line} isn't it?" for line in tags], "html.") == []


def test_no_text_makes_the_reading_fail():
    """`<![x` raises AssertionError in html.parser, unless it never gets to see one."""
    chance = random.Random(20260101)
    pieces = [
        "<![",
        "<!",
        "<!--",
        "<?",
        "</",
        "<a",
        "<",
        ">",
        "'",
        '"',
        "=",
        "&#",
        "&#x110000;",
        "/*",
        "*/",
        "\0",
        "\ud800",
    ]
    for _ in range(3000):
        attack_rule("".join(chance.choices([*pieces, " ", "or", "1", "\u2028", "\x85"], k=chance.randint(1, 30))))


HOSTILE = [
    *(
        "<a ",
        "<",
        "<!--",
        "<![",
        "</",
        "<a b='",
        '<a b="',
        "<a b='>",
        "<a b=\">'",
        "<a b=\"'<a b=\"'",
        "<a x y=",
        "<a b=",
        "<a/",
    ),
    *(
        "a=",
        "'<a b=",
        "<style>{",
        "{",
        "&#106;",
        "javascript:",
        "java\nscript:",
        "<a style='expression ",
        "<a\x0b",
        "'",
        "'\"",
    ),
    *(
        "/*",
        "/**/",
        "/*!",
        "*/",
        "--",
        ";",
        "; declare ",
        "(",
        ") ) ) or ",
        "x' or ",
        "' or (((",
        "or not ( not (",
        "or '",
    ),
    *("1 or 1=", "1=1 or ", "'' or ''", "union ", "union select ", "union all select (", "(select ", "select from "),
    *(
        "order by 1,",
        "sleep(",
        "or sleep(1",
        "ascii((",
        "substr(",
        "; if(",
        "extractvalue(",
        "0x1",
        "benchmark(1,",
        "a.",
        " ",
        "\t",
    ),
]


def cpu_seconds(texts: list[str], tries: int) -> float:
    best = float("inf")
    for _ in range(tries):
        start = time.process_time()
        for text in texts:
            attack_rule(text)
        best = min(best, time.process_time() - start)
    return best


def test_time_grows_with_length_and_no_faster():
    """Four times the text may take nine times the CPU (3 for each doubling); quadratic rules would take sixteen."""
    reference = cpu_seconds(TALK, 5)
    gc.disable()
    try:
        too_slow = []
        for piece in HOSTILE:
            short, long = ((piece * length)[:length] for length in (2000, 8000))
            for tries in (2, 10):  # a hiccup of the machine gets a second look
                took = cpu_seconds([long], tries)
                before = cpu_seconds([short], tries)
                if fine := took <= max(9 * before, reference / 2):
                    break
            if not fine or took > 40 * reference:
                too_slow.append((piece, took / before, took / reference))
    finally:
        gc.enable()
    assert too_slow == []


@pytest.fixture(scope="module")
def corpora() -> dict[str, list[str]]:
    if not CORPORA.is_dir():
        pytest.skip("the corpora of attacks and of real chat are not part of the project")
    files = {name: (CORPORA / f"{name}.txt").read_text(encoding="utf-8") for name in ("xss", "sqli", "benign_chat")}
    lines = {name: text.removesuffix("\n").split("\n") for name, text in files.items()}
    return {**lines, "ordinary": lines["benign_chat"][:4000], "about code": lines["benign_chat"][4000:]}


def share_blocked(lines: list[str]) -> float:
    return 100 * len(blocked(lines)) / len(lines)


def test_most_of_the_known_attacks_are_named(corpora: dict[str, list[str]]):
    assert share_blocked(corpora["xss"]) >= 90
    assert share_blocked(corpora["sqli"]) >= 84


def test_real_chat_passes(corpora: dict[str, list[str]]):
    assert share_blocked(corpora["ordinary"]) <= 0.05
    assert share_blocked(corpora["about code"]) <= 2
