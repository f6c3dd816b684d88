"""A small world for browser tests to look at: people of every kind, applications in every state, a channel whose chat
holds whatever chats hold. Built over HTTP, as its people would."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

from tests.chat.backstage import Backstage
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

PASSWORD = "kettle-harbour-quiet-lantern"
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 2
LONG_NAME = "w" + "x" * 30 + "z"  # as long as a name may be
CHANNEL = "lighthouse"
# What an admin does about an application so that it comes into this state, or may by time.
DECIDED = {"needs_information": "ask", "approved": "approve", "expired": "approve", "rejected": "reject"}
LINES = [
    "good evening",
    LONG_WORD,
    "https://example.org/" + "a" * 200,
    "<b>bold</b> & \N{GRINNING FACE}",
    "مساء الخير",
    "\N{GRINNING FACE}" * 60,
]


class Links(HTMLParser):
    """Collects where a page's links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attributes if name == "href" and value]


def kind_of_page(address: str) -> str:
    """Addresses of one kind of page have one of these in common: /admin/users/7 and /admin/users/8 look alike."""
    parts = urlsplit(address)
    path = re.sub(r"/(\d+|[\w-]{30,})(?=/|$)", "/*", parts.path)
    path = re.sub(rf"^/c/(?!{CHANNEL}$)[\w-]+$", "/c/*", path)
    query = [f"{name}={value}" for name, value in parse_qsl(parts.query) if name in ("popout", "state")]
    return "?".join([path, *query])


@dataclass
class World:
    """The server, and its people, each in a browser of their own and signed in but for the guest."""

    server: StreamzyServer
    backstage: Backstage
    people: dict[str, Visitor] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)  # private links of applications, by what became of them
    reviews: dict[str, str] = field(default_factory=dict)  # and where admins see the same ones
    _pages: list[tuple[str, str]] = field(default_factory=list)

    def build(self) -> World:
        """Everybody arrives, applies, is decided on, and talks."""
        self.people["guest"] = Visitor(self.server.url)
        self._open_the_office()
        for state in ("pending", *DECIDED, "withdrawn"):
            self._apply(state)
        self.backstage.let_sign_in_expire("expired-one")
        self.backstage.fail_to_mail("rejected-one", "decision", "the address was refused (550)", for_good=True)
        self.backstage.fail_to_mail("asked-one", "question", "no answer in time", for_good=False)
        self.people["viewer"] = Visitor(self.server.url).register(LONG_NAME, PASSWORD)
        self.people["streamer"] = Visitor(self.server.url).register("ines", PASSWORD)
        about = "Evenings by the sea. " + LONG_WORD
        rules = "Be kind.\n" + LONG_WORD
        self.backstage.open_channel(CHANNEL, "ines", title="Lighthouse", description=about, rules=rules)
        self.backstage.open_channel("closed-harbour", self.backstage.create_account("keeper"), access="private")
        self._talk()
        return self

    def _open_the_office(self) -> None:
        given = self.server.admin_password
        assert given
        admin = Visitor(self.server.url).sign_in("admin", given)
        fields = {"current_password": given, "new_password": PASSWORD, "confirm_password": PASSWORD}
        answer = admin.post_form("/account/password", **fields)
        assert "/account/password" not in answer.url, answer.text[:3000]
        self.people["admin"] = admin

    def _apply(self, state: str) -> None:
        guest, admin = self.people["guest"], self.people["admin"]
        slug = "asked-one" if state == "needs_information" else f"{state}-one"
        answer = guest.post_form(
            "/apply",
            email=f"{state}@example.org",
            channel_name=f"The {state} one",
            slug=slug,
            about=f"Radios. {LONG_WORD}",
            links="https://example.org/" + "b" * 200,
            agree="y",
        )
        found = re.search(r"/apply/status/[\w-]+", answer.text)
        assert found, answer.text[:3000]
        self.links[state] = found.group()
        listed = re.findall(r"/admin/applications/(\d+)\"", admin.get("/admin/applications").text)
        page = self.reviews[state] = f"/admin/applications/{max(map(int, listed))}"  # the one that came last
        if state == "withdrawn":
            guest.post_form(f"{found.group()}/withdraw", on=found.group())
        elif state in DECIDED:
            form = next(form for form in admin.forms(page) if "version" in form.fields)
            told = {**form.fields, "reason": f"Because. {LONG_WORD}", "note": "For us alone."}
            decided = admin.post(f"{page}/{DECIDED[state]}", on=page, **told)
            assert decided.ok and decided.history, decided.text[:3000]

    def _talk(self) -> None:
        self.backstage.write(CHANNEL, [f"yesterday {number}" for number in range(70)])
        for name, extra in (("streamer", LINES), ("viewer", [*LINES, "/me waves"])):
            socket = self.people[name].socket()
            socket.join(CHANNEL)
            for text in extra:
                assert socket.send(CHANNEL, text)["ok"]
            assert socket.send(CHANNEL, "an answer", reply_to=72)["ok"]
            self.people[name].close_sockets()
        self.backstage.tamper(CHANNEL, 75, body=b"not a token")

    def newcomer(self, name: str) -> Visitor:
        """One more viewer, signed in."""
        self.people[name] = Visitor(self.server.url).register(name, PASSWORD)
        return self.people[name]

    @property
    def pages(self) -> list[tuple[str, str]]:
        """Every page that somebody can reach by links, as (who sees it, its address); each kind once."""
        if not self._pages:
            seen: set[str] = set()
            for who in ("guest", "viewer", "streamer", "admin"):
                # The chat looks different to each of them.
                self._pages += self._walk(who, seen - {f"/c/{CHANNEL}"})
                seen |= {kind_of_page(address) for _, address in self._pages}
            self._pages += [("guest", self.links[state]) for state in sorted(self.links)]
            self._pages += [("admin", self.reviews[state]) for state in sorted(self.reviews)]
        return self._pages

    def _walk(self, who: str, seen: set[str]) -> list[tuple[str, str]]:
        waiting, found, walked = ["/", f"/c/{CHANNEL}?popout=1"], [], set[str]()
        while waiting:
            address = waiting.pop(0)
            if kind_of_page(address) in walked:
                continue
            walked.add(kind_of_page(address))
            answer = self.people[who].get(address)
            if answer.status_code != 200 or "text/html" not in answer.headers["Content-Type"]:
                continue
            if kind_of_page(address) not in seen:
                found.append((who, address))
            links = Links()
            links.feed(answer.text)
            waiting += [link for link in links.found if link.startswith("/") and not link.startswith("//")]
        return found
