"""What passes through goes to the configured address and nowhere else, and takes nothing along that must stay here."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Kind, Scope
from segue.families.llm.passthrough import (
    ANSWER_HEADERS,
    REQUEST_HEADERS,
    Passage,
    PassthroughCodec,
    failure_of,
    plain_path,
    plain_query,
    request_headers,
)

BASE = "https://api.example.com/v1"
SECRET = "sk-secret-0001"


def codec(base: str = BASE) -> PassthroughCodec:
    return PassthroughCodec(base, lambda secret: {"authorization": f"Bearer {secret}", "content-type": "a/b"})


def sent(request: Passage, base: str = BASE):
    candidate = SimpleNamespace(key=SimpleNamespace(secret=SECRET))
    return codec(base).encode(SimpleNamespace(request=request), candidate)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "//evil.example", "..", "../admin", "files/../../admin", "files/./x", "files/..", "a//b", "a\\..\\b",
        "%2e%2e/admin", "%2E./admin", "files%2f..%2fx", "files%2Fx", "a%5cb", "%252e%252e/x", "a%00", "a%0d%0ab", "a b",
        "https://evil.example/", "a?b", "a#b", "ü", "a\r\nb", "%zz", "x" * 3000,
    ],
)  # fmt: skip
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        plain_path(path)
    assert caught.value.code == "path_not_allowed"


@pytest.mark.parametrize("path", ["files", "files/", "models/a:b", "models/a@b", "x/%C3%BC", "a/b.c/d~e", "@evil.com"])
def test_a_plain_path_passes_as_it_is(path: str) -> None:
    assert plain_path(path) == path
    assert sent(Passage("GET", path)).url == f"{BASE}/{path}"


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_no_path_leaves_the_configured_address(text: str) -> None:
    try:
        path = plain_path(text)
    except RequestInvalid:
        return
    url = URL(sent(Passage("GET", path)).url)
    assert (url.scheme, url.host, url.port) == ("https", "api.example.com", 443)
    assert url.path.startswith("/v1/")
    assert url.query_string == ""


@pytest.mark.parametrize("path", ["files", "v1/files"])
def test_a_version_in_address_and_path_counts_once(path: str) -> None:
    assert sent(Passage("GET", path)).url == f"{BASE}/files"
    assert sent(Passage("GET", path), "https://api.example.com").url == f"https://api.example.com/{path}"


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        (b"", ""), (b"key=a", ""), (b"limit=1&key=a&after=b", "limit=1&after=b"), (b"KEY=a&x", "x"), (b"%6bey=a", ""),
        (b"monkey=1", "monkey=1"), (b"a=%C3%BC", "a=%C3%BC"),
    ],
)  # fmt: skip
def test_the_key_in_a_query_is_taken_out(query: bytes, passed: str) -> None:
    assert plain_query(query) == passed


@pytest.mark.parametrize("query", [b"a=\xfc", b"a=b c", b"a\r\nb", b"x" * 9000])
def test_a_query_that_is_none_is_refused(query: bytes) -> None:
    with pytest.raises(RequestInvalid):
        plain_query(query)


def test_only_listed_headers_pass_and_none_that_says_who_calls() -> None:
    given_ = [
        ("authorization", "Bearer mine"), ("x-api-key", "mine"), ("api-key", "mine"), ("x-goog-api-key", "mine"),
        ("cookie", "mine"), ("connection", "close"), ("transfer-encoding", "chunked"), ("host", "evil.example"),
        ("x-segue-user", "me"), ("openai-organization", "org"), ("content-length", "3"), ("x-forwarded-for", "1.1.1.1"),
        ("content-type", "multipart/form-data; boundary=x"), ("anthropic-beta", "a"), ("anthropic-beta", "b"),
    ]  # fmt: skip
    assert request_headers(given_) == {
        "content-type": "multipart/form-data; boundary=x", "anthropic-beta": "a, b"
    }  # fmt: skip
    request = sent(Passage("POST", "files", headers=request_headers(given_), body=b"x"))
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["content-type"] == "multipart/form-data; boundary=x"


@pytest.mark.parametrize("value", ["a\r\nb", "ü", "x" * 2000])
def test_a_header_that_is_none_is_refused_by_its_name(value: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        request_headers([("accept", value)])
    assert caught.value.param == "accept"


@pytest.mark.parametrize(
    ("status", "kind", "scope", "executed"),
    [
        (400, Kind.INVALID_REQUEST, Scope.REQUEST, Executed.NO),
        (401, Kind.AUTH, Scope.KEY, Executed.NO),
        (402, Kind.QUOTA, Scope.KEY, Executed.NO),
        (403, Kind.INVALID_REQUEST, Scope.REQUEST, Executed.NO),
        (404, Kind.INVALID_REQUEST, Scope.REQUEST, Executed.NO),
        (429, Kind.RATE_LIMITED, Scope.KEY, Executed.NO),
        (500, Kind.SERVER_ERROR, Scope.PROVIDER, Executed.UNKNOWN),
        (503, Kind.OVERLOADED, Scope.PROVIDER, Executed.UNKNOWN),
        (529, Kind.OVERLOADED, Scope.PROVIDER, Executed.UNKNOWN),
    ],
)
def test_a_status_tells_how_the_provider_is(status: int, kind: Kind, scope: Scope, executed: Executed) -> None:
    failure = failure_of(status)
    assert failure is not None
    assert (failure.kind, failure.scope, failure.executed) == (kind, scope, executed)
    assert failure_of(200) is failure_of(204) is failure_of(304) is None


def test_a_provider_that_repeats_our_key_is_not_quoted() -> None:
    call = SimpleNamespace(request=Passage("POST", "echo"))
    candidate = SimpleNamespace(key=SimpleNamespace(secret=SECRET))
    codec().decode(call, candidate, 404, {"set-cookie": "a", "content-type": "b"}, f"no {SECRET}".encode())
    assert call.request.said.body == b"no [key]"
    assert call.request.said.headers == {"content-type": "b"}
    call.request.said = None
    codec().decode(call, candidate, 401, {}, b"bad key sk-...0001")
    assert call.request.said is None


def test_the_page_names_exactly_the_headers_that_pass() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http.md").read_text()
    for row, headers in (("request headers that pass", REQUEST_HEADERS), ("answer headers that pass", ANSWER_HEADERS)):
        (cell,) = (line.split("|")[2] for line in page.splitlines() if line.startswith(f"| {row} |"))
        assert cell.strip() == ", ".join(f"`{name}`" for name in sorted(headers))
