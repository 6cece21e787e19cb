"""Every test here runs on asyncio's own event loop and on uvloop."""

import asyncio

import pytest

from backends.transport import support
from backends.transport.knowing import knowing

try:
    import uvloop
except ImportError:  # not on every platform
    LOOPS = {"asyncio": asyncio.new_event_loop}
else:
    LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories(config, item):
    return LOOPS


KINDS = support.KINDS | {"knowing": knowing}


@pytest.fixture(params=list(KINDS))
def transporting(request):
    """Makes a transport and closes it: the same claims hold for each kind."""
    return KINDS[request.param]


@pytest.fixture(params=["direct", "knowing"])
def direct(request):
    """The direct one, and the one whose connections know a head: what they know changes nothing that can be seen."""
    return KINDS[request.param]
