"""The door's question about a text somebody sends: is this an attack? Escaping, parameters and CSP stay the defence."""

from app.security.active_html import active_html_rule
from app.security.sql_injection import sql_injection_rule

# Every rule below runs in linear time, but no text this long is talk: refuse it before reading it.
LONGEST_READ = 10_000


def attack_rule(text: str) -> str | None:
    """Name the rule that recognises `text` as active HTML or SQL injection ("html.script", "sql.tautology"), or None.

    Texts longer than LONGEST_READ characters are refused unread, as "text.too_long".
    """
    if len(text) > LONGEST_READ:
        return "text.too_long"
    return active_html_rule(text) or sql_injection_rule(text)
