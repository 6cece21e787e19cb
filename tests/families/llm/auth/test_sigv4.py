"""Our signatures are those of AWS's own signer, for any request."""

import datetime as dt
from unittest import mock
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.ports import WireRequest
from segue.families.llm.auth.sigv4 import AwsCredentials, sign
from segue.families.llm.formats.converse.format import path

HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
MODELS = st.one_of(
    st.sampled_from(
        [
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40),
)
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "accept", "x-amzn-bedrock-trace", "user-agent", "X-Custom", "expect"]),
    st.lists(TEXT, min_size=1, max_size=3).map("  ".join),
    max_size=5,
)
QUERIES = st.lists(st.tuples(TEXT, TEXT), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
)


def by_botocore(request: WireRequest, credentials: AwsCredentials, region: str, service: str, wall: float) -> str:
    now = dt.datetime.fromtimestamp(int(wall), dt.UTC)
    theirs = AWSRequest(request.method, request.url, headers=dict(request.headers), data=request.body)
    keys = Credentials(credentials.access_key, credentials.secret_key, credentials.token or None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4Auth(keys, service, region).add_auth(theirs)
    return str(theirs.headers["Authorization"])


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT"]),
    MODELS,
    st.booleans(),
    QUERIES,
    HEADERS,
    st.binary(max_size=200),
    st.tuples(TEXT, TEXT, st.one_of(st.just(""), TEXT)),
    st.sampled_from([("eu-central-1", "bedrock"), ("us-east-1", "sts")]),
    st.floats(0, 4_000_000_000),
    st.sampled_from(["", ":443", ":8443"]),
)
def test_signatures_are_botocores(method, model, stream, query, headers, body, secrets, where, wall, port):
    credentials = AwsCredentials(*secrets)
    address = f"https://{HOST}{port}{path(model, stream=stream)}"
    request = WireRequest(method, f"{address}?{query}" if query else address, headers, body)
    region, service = where
    signed = sign(request, credentials, region=region, service=service, wall=wall)
    assert signed.headers["authorization"] == by_botocore(request, credentials, region, service, wall)
    assert (signed.method, signed.url, signed.body) == (request.method, request.url, request.body)


def test_paths_with_dots_and_empty_segments_are_signed_as_botocore_signs_them():
    credentials = AwsCredentials("AKIA", "secret")
    for place in ("", "/", "//a//b/", "/a/./b/../c", "/a/..", "/..", "/a/b/.", "/a%2Fb/%7E~"):
        request = WireRequest("POST", f"https://{HOST}{place}", {}, b"")
        signed = sign(request, credentials, region="r", service="s", wall=1.7e9)
        assert signed.headers["authorization"] == by_botocore(request, credentials, "r", "s", 1.7e9), place


def test_signing_again_replaces_the_first_signature():
    """A retry signs the same request at another time."""
    credentials = AwsCredentials("AKIA", "secret", "token")
    request = WireRequest("POST", f"https://{HOST}/model/m/converse", {"content-type": "application/json"}, b"{}")
    first = sign(request, credentials, region="r", service="bedrock", wall=1.7e9)
    again = sign(first, credentials, region="r", service="bedrock", wall=1.7e9 + 60)
    assert again == sign(request, credentials, region="r", service="bedrock", wall=1.7e9 + 60)
    assert again != first


def test_credentials_and_signed_requests_show_no_secret():
    credentials = AwsCredentials("AKIA", "very-secret", "session-token")
    request = sign(WireRequest("POST", f"https://{HOST}/", {}), credentials, region="r", service="s", wall=1.0)
    assert "secret" not in repr(credentials) + repr(request)
    assert "session" not in repr(credentials) + repr(request)
