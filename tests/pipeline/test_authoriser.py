"""An adapter's authoriser stands between its codec and the network; a token that cannot be had is a failed attempt."""

import asyncio

from pipeline.house import QUICK, House
from pipeline.wires import Lines, LinesAdapter
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.ports import TransportError, WireRequest
from segue.core.provider import Key, Provider
from segue.pipeline.parts import Policy
from segue.pipeline.wire import WireExecutor
from segue.testing import ScriptedTransport, VirtualClock, replies, run_virtual


class Signing:
    """Adds the key and the time to each request, after `takes` seconds; or fails."""

    def __init__(self, takes: float = 0.0, broken: bool = False) -> None:
        self.takes = takes
        self.broken = broken

    async def authorise(self, request, secret, transport, clock) -> WireRequest:
        await asyncio.sleep(self.takes)
        if self.broken:
            raise TransportError(Failure(Kind.AUTH, "no token", Executed.NO, Scope.KEY))
        headers = {**request.headers, "authorization": f"{secret} at {clock.now():g}"}
        return WireRequest(request.method, request.url, headers, request.body)


def house_of(authoriser: Signing) -> tuple[ScriptedTransport, House]:
    network = ScriptedTransport({"a": [replies(b"from a")], "b": [replies(b"from b")]})
    adapter = LinesAdapter(Lines())
    signed = LinesAdapter(Lines())
    signed.authoriser = authoriser
    providers = [
        Provider("a", "lines", frozenset({"ask"}), WireExecutor(signed, network, VirtualClock()), (Key("key-1", "s"),)),
        Provider("b", "lines", frozenset({"ask"}), WireExecutor(adapter, network, VirtualClock())),
    ]
    policy = Policy(limits=QUICK, deadline=300.0, retries=0)
    return network, House([providers[0]], [providers[1]], policy=policy)


def test_a_request_is_sent_as_the_authoriser_made_it():
    async def main():
        network, house = house_of(Signing(takes=1.0))
        _, outcome = await house.ask()
        assert outcome.answer == b"from a"
        assert network.requests[0].headers == {"authorization": "s at 1"}
        assert network.requests[0].body == b"?"
        house.assert_nothing_is_left()

    run_virtual(main())


def test_without_a_token_nothing_is_sent_and_the_next_candidate_is_asked():
    async def main():
        network, house = house_of(Signing(broken=True))
        call, outcome = await house.ask()
        assert outcome.answer == b"from b"
        assert (call.attempts[0].failure.kind, call.attempts[0].failure.scope) == (Kind.AUTH, Scope.KEY)
        assert [request.headers for request in network.requests] == [{}]
        house.assert_nothing_is_left()

    run_virtual(main())


def test_waiting_for_a_token_counts_against_the_limits_of_the_attempt():
    async def main():
        network, house = house_of(Signing(takes=10_000.0))
        call, outcome = await house.ask()
        assert outcome.answer == b"from b"
        assert call.attempts[0].failure.kind is Kind.TIMEOUT
        assert len(network.requests) == 1
        house.assert_nothing_is_left()

    run_virtual(main())
