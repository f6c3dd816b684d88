"""What is measured, for whom, and what it must come to beside the references."""

from __future__ import annotations

from dataclasses import dataclass

NODE, NAIVE, FLOOR, OURS = "Node socket.io", "naive Flask-SocketIO", "C send()", "Streamzy"
ALONE, SIGNING_IN = "Streamzy alone", "Streamzy, 3 sign-ins/s"


@dataclass(frozen=True)
class Workload:
    """One load. ``options`` go to the load generator; ``figures`` are what of its answer is shown."""

    name: str
    title: str
    options: dict[str, int]
    figures: dict[str, str]
    people: int = 1  # who send
    fresh: bool = False  # every run on a server just started: memory that was used once is not given back


@dataclass(frozen=True)
class Goal:
    """Our figure divided by a reference's is at most, or with ``at_least`` at least, ``limit``."""

    workload: str
    figure: str
    reference: str
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
    "fan-out", "1 sender, 20 messages a second, 500 viewers", {"viewers": 500, "senders": 1, "rate": 20}, DELIVERY
)
WORKLOADS = (
    FAN_OUT,
    Workload(
        "chatty", "50 people, each sends 4 messages a second", {"viewers": 0, "senders": 50, "rate": 4}, CHAT, people=50
    ),
    Workload(
        "closed-loop",
        "50 people, each with 4 unanswered messages under way",
        {"viewers": 0, "senders": 50, "window": 4},
        CHAT,
        people=50,
    ),
    Workload(
        "idle",
        "1,000 connections that do nothing",
        {"viewers": 1000, "senders": 0, "seconds": 1},
        {"kb_per_connection": "KB/connection", "cpu_ms_per_join": "CPU ms/join"},
        fresh=True,
    ),
    Workload(
        "storm",
        "500 people connect at once",
        {"viewers": 500, "senders": 0, "at-once": 500, "seconds": 1},
        {"joined_seconds": "s until all are in", "cpu_ms_per_join": "CPU ms/join"},
        fresh=True,
    ),
    Workload(
        "sign-ins",
        "200 viewers, 20 messages a second, beside 3 sign-ins a second",
        {"viewers": 200, "senders": 1, "rate": 20},
        DELIVERY,
    ),
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
    ),
    Workload(
        "history",
        "200 pages of 50 older messages, one after another",
        {"viewers": 0, "senders": 1, "window": 4, "pages": 200},
        {"cpu_us_per_page": "CPU µs/page", "ms_per_page": "ms/page"},
    ),
    Workload(
        "postgresql",
        "the closed loop, on PostgreSQL",
        {"viewers": 0, "senders": 50, "window": 4},
        CHAT,
        people=50,
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
    Goal("sign-ins", P99, ALONE, 1.2, ours=SIGNING_IN),
    Goal("idle", "kb_per_connection", NAIVE, 0.7),
)
