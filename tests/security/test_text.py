"""What is typed reaches the others whole; what hides, reorders or piles up does not."""

import random
import time
import unicodedata

import pytest

from app.security.text import MOST_MARKS, UncleanText, clean_text, is_blank

WHOLE = [
    'plain words, it\'s "quoted" & <angled>',
    "👍",
    "👨‍👩‍👧‍👦",
    "👩🏽‍💻",
    "🏳️‍🌈",
    "🏴‍☠️",
    "❤️‍🔥",
    "🙂‍↔️",
    "👁️‍🗨️",
    "🏃🏿‍♂️‍➡️",
    "🐻‍❄️",
    "🇩🇪🇧🇷",
    "1️⃣ #️⃣ *️⃣",
    "🏴󠁧󠁢󠁷󠁬󠁳󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "☺︎ or ☺️",
    "مرحبا بالجميع، كيف الحال؟",
    "بِسْمِ اللَّهِ",
    "می‌خواهم بازی کنم",
    "שָׁלוֹם לְכוּלָּם",
    "שלום\u200f! hello",
    "क्‍ष",
    "ശ്രീ",
    "නි ශ්‍රී ලංකා",
    "র‍্যাব",
    "Tiếng Việt, naïve, Ångström",
    "สวัสดีครับ น้ำ",
    "你好,主播! 葛\U000e0100飾",
    "안녕하세요 ㅋㅋㅋ",
    "ʕ•ᴥ•ʔ ¯\\_(ツ)_/¯ ͡° ͜ʖ ͡°",
]


@pytest.mark.parametrize("text", WHOLE)
def test_every_script_and_every_emoji_stays_whole(text: str):
    assert clean_text(text, multiline=False) == unicodedata.normalize("NFC", text)
    assert clean_text(text, multiline=True) == unicodedata.normalize("NFC", text)
    assert not is_blank(text)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ude00\ud83d"])
def test_lone_surrogates_are_refused(text: str):
    with pytest.raises(UncleanText):
        clean_text(text, multiline=True)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\0b", "ab"),
        ("a\x07\x1b[31mb\x7f\x9bc", "a[31mbc"),
        ("photo_\u202egpj.exe", "photo_gpj.exe"),
        ("\u2066a\u2067b\u2068c\u2069", "abc"),
        ("\ufeffhello", "hello"),
        ("pa\u200bss\u2060wo\xadrd\u034f", "password"),
        ("ad\u200dmin ad\u200cmin", "admin admin"),
        ("👍\u200d", "👍"),
        ("👍\u200d\u200d👎", "👍👎"),
        ("hi\u200e there\u200f", "hi there"),
        ("a\U000e0068\U000e0069b", "ab"),  # a message in tags
        ("🏴\U000e0067\U000e0062", "🏴"),  # a flag that never ends
        ("😀\ufe0f\ufe01\ufe02\U000e0111", "😀\ufe0f"),  # bytes in variation selectors
        ("a\ufdd0\uffff\U0010fffeb", "ab"),
        ("\u2028", ""),
        ("  \u3000 padded \xa0 ", "padded"),
        ("cafe\u0301", "caf\xe9"),
        ("cafe\u200b\u0301", "caf\xe9"),
    ],
)
def test_what_hides_or_reorders_is_taken_out(dirty: str, clean: str):
    assert clean_text(dirty, multiline=False) == clean


def test_line_breaks_stay_only_where_there_may_be_lines():
    text = "one\r\ntwo\rthree\n\tfour\x85five\u2028six\u2029seven\veight"
    assert clean_text(text, multiline=True) == "one\ntwo\nthree\n\tfour\nfive\nsix\nseven\neight"
    assert clean_text(text, multiline=False) == "one two three  four five six seven eight"


@pytest.mark.parametrize("between", ["", "\u200d", "\u200b", "\u200f"])
def test_zalgo_is_cut_to_four_marks(between: str):
    tower = between.join(["\u0334", "\u0315", "\u0323", "\u0345", "\u0489"] * 20)
    clean = clean_text(f"h{tower}q{tower}", multiline=False)
    assert [sum(unicodedata.category(mark)[0] == "M" for mark in part) for part in clean.split("q")] == [MOST_MARKS] * 2


@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "\u200d", "\u200b\u2060", "\u2800\u2800", "\u3164", "\uffa0\u115f", "\ufe0f", "\u200f", "\U000e0041"],
)
def test_nothing_visible_is_blank(text: str):
    assert is_blank(text)
    assert is_blank(clean_text(text, multiline=True))


@pytest.mark.parametrize("text", [".", "👍", "ㅤa", "\u0301", "-", "⠿"])
def test_anything_visible_is_not_blank(text: str):
    assert not is_blank(text)


def test_no_text_gets_a_hidden_character_through():
    chance = random.Random(20260101)
    odd = (
        "a é\t\n\r\0\x85\u2028\u0301\u0323\u0315\u200b\u200c\u200d\u200e\u202e\u2066\ufeff"
        "\ufe0f\U000e0100\U000e0067\U000e007f\U0001f3f4\U0001f600\u2764\U0001f3fb\u0628\u064b\u05e9\u05b8"
        "\u0915\u094d\u034f\u2329\u2800\u20e3\ufdd0\u0958\u1100\u1161"
    )
    for _ in range(5000):
        text = "".join(chance.choices(odd, k=chance.randint(1, 20)))
        for multiline in (True, False):
            clean = clean_text(text, multiline=multiline)
            assert unicodedata.is_normalized("NFC", clean)
            assert clean == clean.strip()
            assert not set(clean) & set("\r\0\x85\u2028\u200b\u202e\u2066\ufeff\u034f\ufdd0")
            assert multiline or not set(clean) & set("\n\t")


def cpu_seconds(text: str) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        clean_text(text, multiline=True)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize(
    "piece", ["\u0315\u0323", "e\u0301\u200b", "\u200d", "🏴\U000e0067\U000e0062", "\ufe0f", "\ufdfa", "\r\n"]
)
def test_time_grows_with_length_and_no_faster(piece: str):
    """Four times the text may take nine times the CPU; NFC alone needs sixteen for a row of marks."""
    short, long = (piece * 4000)[:4000], (piece * 16000)[:16000]
    assert cpu_seconds(long) <= 9 * max(cpu_seconds(short), 2e-4)


@pytest.mark.parametrize(
    "between", ["\n\n\n", "\n" * 300, "\n \n\t\n", "\r\n" * 9, "\n\u200b\n\u3164\n\u2800\n", "\u2028" * 5]
)
def test_a_run_of_empty_lines_is_cut_to_one(between: str) -> None:
    assert clean_text(f"above{between}below", multiline=True) == "above\n\nbelow"
    assert clean_text("one\ntwo\n\nthree", multiline=True) == "one\ntwo\n\nthree"
