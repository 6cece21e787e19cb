"""Every test here runs on asyncio's own event loop and on uvloop."""

import asyncio

import pytest

from backends.transport.support import KINDS

try:
    import uvloop
except ImportError:  # not on every platform
    LOOPS = {"asyncio": asyncio.new_event_loop}
else:
    LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories(config, item):
    return LOOPS


@pytest.fixture(params=list(KINDS))
def transporting(request):
    """Makes a transport and closes it: the same claims hold for each kind."""
    return KINDS[request.param]
