"""What translating costs: microseconds for a request of each client's format to each provider's, and for an event.

    python -m benchmarks.translation

A request has five messages, a call of a tool with its result, and two tools; a stream has 200 pieces of text. The best
of seven rounds counts: a round that was disturbed says nothing.
"""

import timeit
from collections.abc import Callable
from typing import Final

from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.converse.format import CONVERSE
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.ollama.format import OLLAMA
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.formats.yandex.format import YANDEX
from segue.families.llm.ir.answer import Answer, Event
from segue.families.llm.ir.blocks import Text, ToolResult, ToolUse
from segue.families.llm.ir.collect import as_events
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Message, Sampling
from segue.families.llm.ir.format import Shown, Target
from segue.families.llm.ir.losses import check
from segue.families.llm.ir.used import used

CLIENTS: Final = (CHAT, RESPONSES, MESSAGES, GEMINI)
PROVIDERS: Final = (CHAT, RESPONSES, MESSAGES, GEMINI, CONVERSE, YANDEX, OLLAMA)
ROUNDS: Final = 7
TIMES: Final = 500
PIECES: Final = 200

SCHEMA: Final = b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
CONVERSATION: Final = Conversation(
    model="claude-sonnet-4-5",
    system=[Text("Be brief and friendly, and answer in the user's language.")],
    messages=[
        Message("user", [Text("What is the weather like in Paris today, and what shall I wear?")]),
        Message("assistant", [Text("Let me look."), ToolUse("call_1", "weather", '{"city":"Paris"}')]),
        Message("user", [ToolResult("call_1", (Text("Sunny, 24 degrees, a light wind from the west."),))]),
        Message("assistant", [Text("It is sunny and warm: light clothes will do.")]),
        Message("user", [Text("And tomorrow?")]),
    ],
    tools=[
        FunctionTool("weather", "The weather of a city, now.", SCHEMA),
        FunctionTool("forecast", "The weather of a city in the next days.", SCHEMA),
    ],
    sampling=Sampling(temperature=0.5),
    max_tokens=500,
    stream=True,
)
SHOWN: Final = Shown(CONVERSATION, "m", "call_00000001", 1_700_000_000)


def best(work: Callable[[], object], times: int = TIMES) -> float:
    """Microseconds of one run of `work`."""
    return min(timeit.repeat(work, number=times, repeat=ROUNDS)) / times * 1e6


def requests() -> list[str]:
    """One row for each client's format: reading, checking and writing for each provider's, all together."""
    rows = [f"| client | {' | '.join(target.id for target in PROVIDERS)} |", f"|---|{'---:|' * len(PROVIDERS)}"]
    for client in CLIENTS:
        body = client.write_request(CONVERSATION, Target("claude-sonnet-4-5", "p")).body
        cells = []
        for target in PROVIDERS:

            def whole(client=client, target=target, body=body) -> None:  # type: ignore[no-untyped-def]
                asked = client.read_request(body, model="claude-sonnet-4-5", stream=True)
                check(used(asked), target.losses, target.vendor, "p", client.names)
                target.write_request(asked, Target("claude-sonnet-4-5", "p"))

            cells.append(f"{best(whole):.0f}")
        rows.append(f"| {client.id} | {' | '.join(cells)} |")
    return rows


def events() -> list[str]:
    """One row for each format that has both sides: reading and writing one event of a stream of text."""
    answer = Answer(id="a", model="m", content=[Text("")])
    opening = list(as_events(answer))
    from segue.families.llm.ir.answer import TextMore

    stream: list[Event] = [*opening[:2], *(TextMore(0, " word") for _ in range(PIECES)), *opening[2:]]
    rows = ["| format | read, us an event | write, us an event |", "|---|---:|---:|"]
    for client in CLIENTS:

        def write(client=client) -> bytes:  # type: ignore[no-untyped-def]
            writer = client.event_writer(SHOWN)
            return b"".join(writer.write(event) for event in stream)

        sent = write()

        def read(client=client, sent=sent) -> None:  # type: ignore[no-untyped-def]
            reader = client.event_reader()
            reader.feed(sent)
            reader.end()

        rows.append(f"| {client.id} | {best(read, 50) / PIECES:.2f} | {best(write, 50) / PIECES:.2f} |")
    return rows


def main() -> None:
    """Print both tables."""
    print("## Translating\n\nMicroseconds for a request, read, checked and written (goal: under 50):\n")
    print("\n".join(requests()))
    print("\nMicroseconds for an event of a stream (goal: under 10 for both together):\n")
    print("\n".join(events()))


if __name__ == "__main__":
    main()
