"""What is measured, for whom, and what it must come to beside the references."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

NODE, NAIVE, FLOOR, OURS = "Node socket.io", "naive Flask-SocketIO", "C send()", "Streamzy"
ONE, TWO, TWO_POSTGRES = "Streamzy, 1 worker", "Streamzy, 2 workers", "Streamzy, 2, PostgreSQL"
ALONE, SIGNING_IN = "Streamzy alone", "Streamzy, 3 sign-ins/s"


# Who takes part. Those of one kind are started once, and carry all loads of that kind.
SHARED, WORKERS, POSTGRES, HASHING = "SQLite", "one and two workers", "PostgreSQL", "full hashing"


@dataclass(frozen=True)
class Workload:
    """One load. ``options`` go to the load generator; ``figures`` are what of its answer is shown."""

    name: str
    title: str
    options: dict[str, int]
    figures: dict[str, str]
    servers: str = SHARED
    rounds: int = 3
    fresh: bool = False  # every run on a server just started: memory that was used once is not given back
    short: dict[str, int] = field(default_factory=dict)  # other options of the short form
    alone_if_short: bool = False  # the short form leaves the references out: no goal asks for them
    never_short: bool = False

    def shortened(self) -> Workload:
        """The load of the short form."""
        return replace(self, options=self.options | self.short, rounds=1)

    @property
    def words(self) -> str:
        """What it is."""
        return self.title.format(**self.options)


@dataclass(frozen=True)
class Goal:
    """Our figure, divided by a reference's, is at most ``limit``, or with ``at_least`` at least that."""

    workload: str
    figure: str
    reference: str | None  # None: the limit is for our own figure
    limit: float
    at_least: bool = False
    ours: str = OURS

    def holds(self, ratio: float) -> bool:
        """Whether it is reached."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


CPU, P50, P99 = "cpu_us_per_delivery", "delivery_p50", "delivery_p99"
RATE, ACK50, ACK99 = "acknowledged_per_second", "ack_p50", "ack_p99"
DELIVERY = {CPU: "CPU µs/delivery", P50: "p50 ms", P99: "p99 ms", ACK50: "ack p50 ms", ACK99: "ack p99 ms"}
CHAT = {RATE: "acked/s", "cpu_us_per_message": "CPU µs/message", **DELIVERY}

FAN_OUT = Workload(
    "fan-out",
    "1 sender, 20 messages a second, 500 viewers",
    {"viewers": 500, "senders": 1, "rate": 20},
    DELIVERY,
    rounds=5,  # the slowest of a hundred deliveries moves most from run to run
)
WORKLOADS = (
    Workload(
        "idle",
        "{viewers:,} connections that do nothing",
        {"viewers": 1000, "senders": 0, "seconds": 1},
        {"kb_per_connection": "KB/connection", "cpu_ms_per_join": "CPU ms/join"},
        fresh=True,
        short={"viewers": 400, "warm": 0},
    ),
    Workload(
        "storm",
        "{viewers} people connect at once",
        {"viewers": 500, "senders": 0, "at-once": 500, "seconds": 1},
        {"joined_seconds": "s until all are in", "cpu_ms_per_join": "CPU ms/join"},
        short={"viewers": 300, "at-once": 300, "warm": 0},
    ),
    FAN_OUT,
    Workload(
        "slow-reader",
        "one viewer stops reading, up to 1,000 messages of 450 letters a second go on",
        {"seconds": 20},
        {
            "memory_growth_mb": "memory growth MB",
            "corrupt": "corrupt frames",
            "never_answered": "never answered",
            "freed_after_ms": "freed ms after the drop",
        },
        rounds=1,
        fresh=True,
        alone_if_short=True,
    ),
    Workload(
        "history",
        "{pages} pages of 50 older messages, one after another",
        {"viewers": 0, "senders": 1, "window": 4, "pages": 200},
        {"cpu_us_per_page": "CPU µs/page", "ms_per_page": "ms/page"},
        short={"pages": 60, "warm": 0},
    ),
    Workload("chatty", "50 people, each sends 4 messages a second", {"viewers": 0, "senders": 50, "rate": 4}, CHAT),
    Workload(
        "closed-loop",
        "50 people, each with 4 unanswered messages under way",
        {"viewers": 0, "senders": 50, "window": 4},
        CHAT,
    ),
    Workload(
        "sign-ins",
        "200 viewers, 20 messages a second, beside 3 sign-ins a second",
        {"viewers": 200, "senders": 1, "rate": 20},
        DELIVERY,
        HASHING,
    ),
    Workload(
        "postgresql", "the closed loop, on PostgreSQL", {"viewers": 0, "senders": 50, "window": 4}, CHAT, POSTGRES
    ),
    Workload(
        "two-workers",
        "the closed loop, by one worker and by two with Redis, whose CPU counts as well",
        {"viewers": 0, "senders": 50, "window": 4},
        CHAT,
        WORKERS,
    ),
    Workload(
        "fan-out-two-workers",
        "the fan-out, by one worker and by two with Redis, whose CPU counts as well",
        {"viewers": 500, "senders": 1, "rate": 20},
        DELIVERY,
        WORKERS,
        never_short=True,
    ),
)
GOALS = (
    Goal("fan-out", CPU, NODE, 0.85),
    Goal("fan-out", CPU, NAIVE, 0.22),
    Goal("fan-out", CPU, FLOOR, 2.2),
    Goal("fan-out", P99, NODE, 1.25),
    Goal("closed-loop", RATE, NAIVE, 10, at_least=True),
    Goal("closed-loop", RATE, NODE, 1.3, at_least=True),
    Goal("postgresql", RATE, NAIVE, 6, at_least=True),
    Goal("two-workers", RATE, ONE, 0.9, at_least=True, ours=TWO),
    Goal("two-workers", CPU, ONE, 2, ours=TWO),
    Goal("fan-out-two-workers", CPU, ONE, 2, ours=TWO),
    Goal("sign-ins", P99, ALONE, 1.2, ours=SIGNING_IN),
    Goal("slow-reader", "memory_growth_mb", None, 4),
    Goal("slow-reader", "freed_after_ms", None, 1000),
    Goal("idle", "kb_per_connection", NAIVE, 0.7),
)
