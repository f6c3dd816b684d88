"""The shapes of SQL injection, as patterns for lower-case text with single spaces and straight quotes.

Words in capitals stand for the pieces below (a space between two of them only parts them). Every repeat is bounded: no
hostile text costs more than linear time.
"""

import re
from typing import NamedTuple

_PIECES = {
    "NAME": r"[\w.`$\[\]]{1,64}",
    "OR": r"(?:\bx?or\b|\band\b|\|\||&&)",
    "OPEN": r"[( !]{0,8}(?:not )?[( ]{0,8}",
    "CLOSE": r"[) ]{0,8}",
    "LITERAL": r"(?:'[^']{0,64}'|\"[^\"]{0,64}\"|[-+]?\d{1,20}(?:\.\d{1,20})?)",
    "COMPARED": r"(?:<=>|<>|!=|[=>]=?|<(?!3)=?)",  # "<3" is a heart
    "COMMENT": r"(?:--|#|/\*|[\u2013\u2014])",
    "LASTCOMMENT": r"(?:--|#|/\*)['\" -]{0,8}$",
    # The value's own quote, closed at once: `x' or …`. In talk a first word rarely ends so and goes on in SQL.
    "BREAKOUT": r"^[^'\" ]{0,64}['\"]CLOSE",
    "SLEEP": r"(?:pg_)?sleep ?\( ?\d{1,8} ?\)",
    "DESTRUCTION": (
        r"(?:drop (?:table|database|schema|view) (?:if exists )?NAME ?(?:$|[;'\"#]|--|/\*|cascade)|truncate table NAME|"
        r"exec(?:ute)? ?(?:immediate|master|xp_|sp_|\( ?@)|shutdown (?:with nowait|--)|waitfor delay|"
        r"grant (?:all|select|insert|connect|resource|dba)\b|if ?(?:not ?)?\(.{0,80}waitfor)"
    ),
    "STATEMENT": (
        r"(?:delete (?:low_priority )?from NAME ?(?:where|;|--|#|$)|insert into NAME ?(?:\(|values|select)|"
        r"update NAME set NAME ?=|select (?:\*|@@|top \d|\w{1,20}\(|\d)|desc(?:ribe)? NAME ?;|(?:begin )?declare @|"
        r"alter (?:table|user|login) NAME (?:add|drop|set|modify|with|identified)|"
        r"create (?:table NAME ?(?:\(|as)|(?:user|login) NAME (?:with|identified|password)))"
    ),
    "SCRIPTWORD": r"\b(?:create|insert|update|delete|select|alter|drop|use|set|begin|with|grant|explain|declare) ",
    "CATALOGUE": (
        r"(?:information_schema|pg_(?:catalog|shadow|user)|mysql\.user|sqlite_(?:master|schema)|sysibm\.|syscat\.|"
        r"sys(?:objects|columns|users)|master\.\.|(?:all|user)_tables|dba_[a-z]|v\$)"
    ),
}


class Shape(NamedTuple):
    rule: str
    needs: tuple[str, ...]  # one of these has to be in the text: keeps the price of ordinary talk low
    pattern: re.Pattern[str]


def _with_pieces(pattern: str) -> str:
    return re.sub(r"([A-Z]{2,})(?: (?=[A-Z]{2}))?", lambda piece: _with_pieces(_PIECES[piece[1]]), pattern)


def _shape(rule: str, needs: str, pattern: str) -> Shape:
    return Shape(f"sql.{rule}", tuple(needs.split()), re.compile(_with_pieces(pattern)))


SHAPES = (
    # `union select 1,2,user()`, `union all select null--`; a trade union may select 5 delegates
    _shape(
        "union_select",
        "union",
        r"\bunion[ (]{1,8}(?:(?:all|distinct)[ (]{1,8})?select[ (]{0,8}(?:all |distinct )?"
        r"(?:[-+'\"@~!]|(?:\d{1,20}|null) ?(?:[,)]|$|from |limit |where |COMMENT)|\w{1,40} ?\()",
    ),
    # `7 union select name,password from users`; a query that is pasted whole has a select before the union
    _shape(
        "union_select",
        "union",
        r"^(?:(?!select).){0,200}\bunion[ (]{1,8}(?:all[ (]{1,8})?select[ (]{0,8}"
        r"(?:\*|NAME ?(?:,|COMMENT)|NAME from NAME ?(?:$|where |limit |[;)]|COMMENT))",
    ),
    # `' or 'a'='a`, `") and ("x")=("x`
    _shape("tautology", "=", r"(?:^|['\"\d)]) ?OR OPEN(['\"])([^'\"]{0,64})\1CLOSE={1,2}OPEN['\"]\2"),
    # `1 or 1=1`, `or x=x--`; "1 and 1 = 2" is a child's sum
    _shape("tautology", "=", r"(?:^|['\"\d)]) ?OR OPEN(\w{1,20})CLOSE={1,2}OPEN\1\b ?(?:$|[;)'\"]|COMMENT|OR)"),
    # `' or 2>1`, `1' and 1=2`, `") or 1=@@version`
    _shape("tautology", "= < >", r"BREAKOUT OR OPEN LITERAL CLOSE COMPARED OPEN(?:['\"\d]|@@|select\b)"),
    _shape("tautology", "=", r"[\d)] ?OR OPEN\d{1,20}CLOSE=OPEN(?:@@|\d{1,20}CLOSE LASTCOMMENT)"),
    _shape("tautology", "=", r"OR OPEN(\d{1,20})CLOSE={1,2}OPEN\1 ?COMMENT"),
    # `' or true--`, `or 1/*`, `having 1=1`
    _shape("tautology", "-- # /*", r"(?:^|BREAKOUT)OR OPEN(?:true|false|LITERAL)CLOSE COMMENT"),
    _shape("tautology", "having", r"\bhaving (\d{1,20}) ?= ?\1\b"),
    # `x' or name like '%`, `' and substring(password,1,1)='7`
    _shape(
        "breakout",
        "' \"",
        r"BREAKOUT OR.{0,120}(?:(?:!=|<>|=|like) ?[('\"@%\d]|like char|\bis null\b|\bin ?\( ?(?:select|['\"\d])|SLEEP)",
    ),
    _shape("breakout", "having order", r"BREAKOUT(?:group by .{1,80})?(?:having .{1,40}=|order by \d)"),
    _shape("breakout", "exec grant drop truncate", r"BREAKOUT DESTRUCTION"),
    # `and 1=(select top 1 …)`, `and 5650=convert(int,(…))`
    _shape("subquery", "=", r"OR ?\(?\d{1,20}\)? ?= ?(?:[( ]{0,8}select\b|(?:cast|convert|like|utl_[\w.]{1,60}) ?\()"),
    # `ascii(substring((select …),1,1))>77`: reads a secret one character at a time
    _shape(
        "subquery",
        "(",
        r"\b(?:ascii|ord) ?\([( ]{0,8}(?:lower ?\()?(?:select|substr|mid)|"
        r"\b(?:substr|substring|mid|left) ?\([( ]{0,8}(?:select\b|version ?\(|@@|user ?\(|database ?\()",
    ),
    _shape(
        "subquery",
        "extractvalue updatexml json_keys",
        r"\b(?:extractvalue|updatexml|json_keys) ?\([^()]{0,40}(?:concat ?)?\(",
    ),
    _shape("catalogue", "select", r"(?:[(;,]|\bunion(?: all)?) ?select\b.{1,200}\bfrom[ (]{1,8}CATALOGUE"),
    # `'; drop table users`; in a script that is pasted whole, only what destroys
    _shape("stacked_statement", ";", r"; ?DESTRUCTION"),
    _shape("stacked_statement", ";", r"^(?:(?!SCRIPTWORD)[^;]){0,120}; ?STATEMENT"),
    # `1 and sleep(5)`, `(select(sleep(5)))`, `order by 1,sleep(5)`, `sleep(5)#`; `time.sleep(5) # wait` is code
    _shape("time_function", "sleep", r"^[-\d]{0,20} ?OR OPEN SLEEP|(?:\bselect|\border by[ \d,]{0,40})[( ]{0,8}SLEEP"),
    _shape("time_function", "sleep", r"(?:^[^a-z]{0,20}|OR OPEN)SLEEP CLOSE(?:LASTCOMMENT|= ?['\"])"),
    _shape(
        "time_function",
        "benchmark waitfor randomblob dbms_pipe",
        r"benchmark ?\( ?\d{1,20} ?, ?(?:md5|sha|encode|char|rand|\(?select)|"
        r"waitfor delay ?['\"]|randomblob ?\( ?\d{7}|dbms_pipe\.receive",
    ),
    _shape(
        "file_or_shell",
        "load_file outfile dumpfile xp_ utl_ 0x analyse",
        r"(?<![.\w])load_file ?\( ?(?:['\"] ?(?:/|\w:|\\)|0x|char)|into (?:out|dump)file ?['\"]|"
        r"exec(?:ute)? (?:master\.\.)?xp_|utl_(?:http|inaddr)\.|\bdeclare @.{1,60}= ?(?:cast ?\( ?)?0x|"
        r"0x[0-9a-f]{8,128} exec|procedure analyse ?\(",
    ),
    _shape("order_by_probe", "order", r"\border by \d{1,4} ?LASTCOMMENT"),
    _shape("comment_tail", "-- # /*", r"^[^'\" ]{0,64}['\"][) ]{0,8}(?:--|#|/\*)[ -]{0,8}$"),
)
