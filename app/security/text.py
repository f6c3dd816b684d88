"""Text as people may send it: what hides, reorders or piles up goes, every script and every emoji stays whole."""

import re
import unicodedata

MOST_EMPTY_LINES = 1  # in a row: a screen is for what people say
MOST_MARKS = 4  # of one letter: Vietnamese needs 2, Thai 3, pointed Hebrew 4; "zalgo" dozens, over the lines above it


class UncleanText(ValueError):
    """Raised for text that can't be stored: UTF-8, and so every database, refuses lone surrogates."""


_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_BREAK = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")

_EMOJI = "\u2190-\u2bff\U0001f000-\U0001ffff"
# Scripts whose spelling needs joiners: Arabic and its neighbours, the Indic ones, Khmer, Mongolian, Adlam.
_JOINING = (
    "\u0620-\u0dff\u1000-\u109f\u1780-\u18af\u1b00-\u1bff\ua800-\uabff\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00011fff\U0001e900-\U0001e95f"
)
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_DIRECTION_MARKS = "\u200e\u200f\u061c"
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane + end) for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF)
)
# Controls; zero-width characters; bidi embeddings and isolates, which show "exe.gpj" as "jpg.exe"; invisible operators
# and tags, which carry hidden messages. Direction marks (U+200E, U+200F, U+061C) are spelling in right-to-left text.
_HIDDEN = (
    "\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u180e\u200b-\u200d\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff" + _SELECTORS + _NONCHARACTERS
)
_HIDDEN_OR_KEPT = re.compile(
    "(?P<kept>"
    # the flags of Scotland, Wales and England: a black flag, its region in tags, the cancel tag
    "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    f"|(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])"
    f"|(?<=[{_JOINING}])[\u200c\u200d]"
    f"|(?<=[^\\s{_DIRECTION_MARKS}{_HIDDEN}])[{_SELECTORS}]"  # one a character: a row of them hides bytes
    f")|[{_HIDDEN}]"
)
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdfc\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
# Characters that count as letters or symbols and show nothing: Hangul fillers, the empty braille pattern, a null note.
_BLANK = re.compile(
    f"[\\s{_HIDDEN}{_DIRECTION_MARKS}\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\U00016fe4\U0001d159]*"
)


def clean_text(text: str, *, multiline: bool) -> str:
    """`text` in NFC without what hides or reorders, outer spaces cut; line breaks stay if `multiline`, else are spaces.

    Raises UncleanText. May be longer than it was: NFC writes some characters as two or three.
    """
    if _SURROGATE.search(text):
        raise UncleanText("text holds a lone surrogate")
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _LINE_BREAK.sub("\n", text)
    if not multiline:
        text = text.replace("\n", " ").replace("\t", " ")
    # A long row of marks has to be short before NFC sorts it: in CPython that takes quadratic time.
    text = unicodedata.normalize("NFC", _with_fewer_marks(text, 4 * MOST_MARKS))
    text = _HIDDEN_OR_KEPT.sub(lambda found: found["kept"] or "", text)
    if not _RIGHT_TO_LEFT.search(text):
        text = re.sub(f"[{_DIRECTION_MARKS}]", "", text)
    return _with_fewer_empty_lines(_with_fewer_marks(unicodedata.normalize("NFC", text), MOST_MARKS)).strip()


def is_blank(text: str) -> bool:
    """True if `text` shows nothing: spaces, hidden characters and fillers only."""
    return _BLANK.fullmatch(text) is not None


def _with_fewer_empty_lines(text: str) -> str:
    if "\n" not in text:
        return text
    kept: list[str] = []
    empty = 0
    for line in text.split("\n"):
        empty = empty + 1 if is_blank(line) else 0
        if empty <= MOST_EMPTY_LINES:
            kept.append("" if empty else line)
    return "\n".join(kept)


def _with_fewer_marks(text: str, most: int) -> str:
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        kind = unicodedata.category(character)
        if kind in ("Mn", "Me") or unicodedata.combining(character):
            marks += 1
        elif kind != "Cf":  # a joiner between marks must not start the count anew
            marks = 0
        if marks <= most:
            kept.append(character)
    return "".join(kept)
