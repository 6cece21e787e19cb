"""The page about weather says what the code does."""

import re
from pathlib import Path

import msgspec
import pytest

from families.weather.support import VENDORS
from segue.core.ports import ProviderSpec
from segue.families.weather.operations import CURRENT
from segue.families.weather.providers import openweather, weatherapi
from segue.families.weather.types import Condition, CurrentRequest, CurrentWeather, Place

PAGE = (Path(__file__).parents[3] / "docs" / "weather.md").read_text(encoding="utf-8")


def rows(start: str) -> list[list[str]]:
    """The cells of the table whose head begins so, without the head."""
    lines = PAGE[PAGE.index(f"| {start}") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```json {kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", blocks("request"))
def test_each_request_shown_is_one(block):
    assert isinstance(CURRENT.parse(block.encode()), CurrentRequest)


def test_the_answer_shown_is_one_and_shows_every_field():
    (block,) = blocks("answer")
    answer = msgspec.json.decode(block, type=CurrentWeather)
    assert msgspec.to_builtins(answer) == msgspec.json.decode(block)


def test_the_table_of_the_request_names_its_fields():
    assert [row[0].strip("`") for row in rows("field | meaning")] == list(CurrentRequest.__struct_fields__)


def test_the_table_of_sources_names_only_fields_that_exist():
    named = re.findall(r"`([\w.]+)`", " ".join(row[0] for row in rows("field | OpenWeather")))
    known = {*CurrentWeather.__struct_fields__, *(f"place.{name}" for name in Place.__struct_fields__)}
    assert set(named) <= known
    assert known - set(named) == {
        "place", "place.lat", "place.lon", "condition", "description", "source", "units",
    }  # fmt: skip


@pytest.mark.parametrize(("column", "codes"), [(1, openweather.CONDITIONS), (2, weatherapi.CONDITIONS)])
def test_the_table_of_conditions_is_the_one_in_the_code(column, codes):
    shown = {int(code): Condition(row[0].strip("`")) for row in rows("condition |") for code in row[column].split()}
    assert shown == codes


def test_the_table_of_errors_is_the_one_in_the_code():
    shown = {(row[0].strip("`"), int(row[1])): row[2].strip("`") for row in rows("vendor | code")}
    code = {("openweather", code): kind.value for code, kind in openweather.KINDS.items()}
    assert shown == code | {("weatherapi", code): kind.value for code, kind in weatherapi.KINDS.items()}


def test_the_table_of_vendors_is_the_one_in_the_code():
    shown = {row[0].strip("`"): (row[1].strip("`"), re.findall(r"`(\w+)`", row[2])) for row in rows("adapter |")}
    addresses = {"openweather": openweather.OpenWeather.base_url, "weatherapi": weatherapi.WeatherApi.base_url}
    assert shown == {name: (addresses[name], list(kind.environment)) for name, kind in VENDORS.items()}
    assert all(kind.build(ProviderSpec("x", name)).codecs for name, kind in VENDORS.items())
