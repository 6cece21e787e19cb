"""Log lines: one form for all, what matters in them, nothing secret."""

import io
import json
import logging

import pytest

from backends.made import BUSY, attempt, candidate, ended
from segue.backends.telemetry.logs import LogLines, configure_logging
from segue.core.signals import BreakerChanged, ConfigurationChanged, Signals


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream():
    made = io.StringIO()
    configure_logging("json", "info", stream=made)
    return made


@pytest.fixture
def signals():
    made = Signals()
    LogLines().subscribe(made)
    return made


def test_a_failed_call_is_one_line_without_what_was_said(stream, signals):
    tries = (attempt(failure=BUSY), attempt(candidate("groq", "llama"), failure=BUSY))
    signals.emit(ended(3, code="overloaded", status=503, attempts=tries))
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "call failed",
        "level": "info",
        "logger": "segue",
        "call_id": "call_00000003",
        "operation": "chat",
        "code": "overloaded",
        "status": 503,
        "elapsed_ms": 500,
        "attempts": ["openai/gpt-4o: overloaded", "groq/llama: overloaded"],
    }
    assert "nobody may see" not in stream.getvalue()
    assert "sk-very-secret" not in stream.getvalue()


@pytest.mark.parametrize("code", ["ok", "cancelled"])
def test_a_call_that_succeeded_or_was_given_up_writes_nothing(stream, signals, code):
    signals.emit(ended(code=code))
    assert stream.getvalue() == ""


def test_a_breaker_that_changes_is_a_warning(stream, signals):
    signals.emit(BreakerChanged("openai", "closed", "open", "5 failures in a row"))
    (line,) = lines(stream)
    assert (line["level"], line["event"], line["name"]) == ("warning", "breaker changed", "openai")
    assert (line["before"], line["after"], line["reason"]) == ("closed", "open", "5 failures in a row")


def test_a_refused_configuration_is_an_error_with_its_problems(stream, signals):
    signals.emit(ConfigurationChanged(2, accepted=True))
    signals.emit(ConfigurationChanged(3, accepted=False, problems=("segue.yaml:3: no such thing",)))
    accepted, refused = lines(stream)
    assert (accepted["level"], accepted["version"]) == ("info", 2)
    assert (refused["level"], refused["problems"]) == ("error", ["segue.yaml:3: no such thing"])


def test_a_line_break_in_a_name_does_not_forge_a_line(stream, signals):
    tries = (attempt(candidate("openai", 'x\n{"event": "forged"}'), failure=BUSY),)
    signals.emit(ended(code="overloaded", status=503, attempts=tries))
    assert len(lines(stream)) == 1


def test_libraries_lines_have_the_same_form_and_their_chatter_is_left_out(stream):
    logging.getLogger("uvicorn.error").warning("it %s", "rains")
    logging.getLogger("aiosqlite").info("chatter")
    logging.getLogger("uvicorn.access").info("chatter")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("it rains", "warning", "uvicorn.error")


def test_an_exception_is_part_of_its_line(stream):
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("x").exception("oh")
    (line,) = lines(stream)
    assert "RuntimeError: broken" in line["exception"]


def test_lines_below_the_level_are_left_out(signals):
    made = io.StringIO()
    configure_logging("json", "error", stream=made)
    signals.emit(BreakerChanged("openai", "closed", "open", "x"))
    assert made.getvalue() == ""


def test_configuring_again_replaces_what_was(signals):
    first, second = io.StringIO(), io.StringIO()
    configure_logging("json", stream=first)
    configure_logging("json", stream=second)
    signals.emit(BreakerChanged("openai", "closed", "open", "x"))
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


def test_people_get_plain_lines(signals):
    made = io.StringIO()
    configure_logging("console", stream=made)
    signals.emit(BreakerChanged("openai", "closed", "open", "x"))
    assert "breaker changed" in made.getvalue()
    assert "after=open" in made.getvalue()
    assert not made.getvalue().startswith("{")


def test_auto_means_json_where_nobody_watches(signals):
    made = io.StringIO()
    configure_logging("auto", stream=made)
    signals.emit(BreakerChanged("openai", "closed", "open", "x"))
    assert lines(made)[0]["name"] == "openai"


@pytest.mark.parametrize(("format_", "level"), [("xml", "info"), ("json", "loud")])
def test_an_unknown_format_or_level_is_refused_with_those_there_are(format_, level):
    with pytest.raises(ValueError, match="use one of"):
        configure_logging(format_, level)
