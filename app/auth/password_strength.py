"""How long a guesser would need: zxcvbn, with its lists of common passwords, words and names as the blocklist."""

from __future__ import annotations

from collections.abc import Iterator

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

ENOUGH = 3  # of 4: more than 10^8 guesses, for somebody who knows how people choose passwords

# zxcvbn's work grows with the square of the length, and with every combination of characters that may stand for a
# letter: 72 of the worst keep a processor busy for seconds. It gets the beginning and the end, which takes at most
# 40 ms each; a password is no weaker than its strongest part.
LONGEST, LONGEST_DISGUISED = 24, 12
DISGUISES = frozenset(character for characters in L33T_TABLE.values() for character in characters)
MOST_DISGUISES = 10


def weakness(password: str, names: tuple[str, ...] = ()) -> str | None:
    """Why ``password`` would be guessed, in a sentence or two, or None when it is strong enough."""
    found: dict[str, list[str] | str] = {}
    for part in _parts(password):
        result = zxcvbn(part, user_inputs=["streamzy", *names], max_length=LONGEST)
        if result["score"] >= ENOUGH:
            return None
        found = found or result["feedback"]
    return " ".join([f"It is easy to guess. {found['warning']}".strip(), *list(found["suggestions"])[:2]])


def _parts(password: str) -> Iterator[str]:
    # A few letters change their length in lower case, and zxcvbn would lose its place in the text.
    text = "".join(character if len(character.lower()) == 1 else "?" for character in password)
    longest = LONGEST if len(DISGUISES.intersection(text)) <= MOST_DISGUISES else LONGEST_DISGUISED
    yield text[:longest]
    if len(text) > longest:
        yield text[-longest:]
