"""The parsers below and beside: splitters of streams, weather, headers, files, answers of token servers."""

from typing import Final

from families.llm.formats import converse_support
from families.llm.formats import responses_samples as responses
from families.weather.support import BODIES as WEATHER
from fuzzing import exchanges as given
from fuzzing import others
from fuzzing.mutations import Piece, body, lines
from fuzzing.parser import Parser

_STS: Final = b"""<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s&amp;t</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2026-11-20T12:00:00Z</Expiration></Credentials><Code>X</Code></R>"""
_PROFILES: Final = b"[default]\nregion = eu-west-1\n[profile a]\nrole_arn = arn:x\ns3 =\n  x = 1\n# c\n"
_LIMITS: Final = [
    b"""retry-after: 12
retry-after-ms: 1200.5
date: Fri, 20 Nov 2026 14:25:00 GMT
x-ratelimit-remaining-requests: 0
x-ratelimit-reset-requests: 1h2m3.5s
x-ratelimit-remaining-tokens: 149984
x-ratelimit-reset-tokens: 6m0s""",
    b"""anthropic-ratelimit-requests-remaining: 0
anthropic-ratelimit-requests-reset: 2026-11-20T14:26:00Z
retry-after: Fri, 20 Nov 2026 14:26:00 GMT
x-ratelimit-remaining: 0
x-ratelimit-reset: 1795182400""",
]
_SETTINGS: Final = b"""server: {host: 127.0.0.1, port: 8080, body_limit: 1MiB}
providers:
  one: {adapter: openai, key: sk-a, models: {fast: gpt-4o-mini}, priority: 2}
  two:
    adapter: anthropic
    keys: [{key: a, weight: 2}, b]
models:
  smart: [one/gpt-4o, two/claude-sonnet-4-5]
policies:
  chat: {strategy: priority, retries: 1, max_attempts: 3, deadline: 30s, timeouts: {connect: 2s}}
"""
_USER: Final = {
    "type": "authorized_user",
    "client_id": "a",
    "client_secret": "b",
    "refresh_token": "c",
    "token_uri": "https://oauth2.googleapis.com/token",
}
_TOKEN: Final = {"access_token": "ya29.a", "expires_in": 3599, "token_type": "Bearer"}
_GOES_ON: Final = {**responses.REQUEST, "previous_response_id": "resp_1"}
_ADDRESS: Final = b"v1/files/file-1/content?limit=2&key=a&alt=sse"

OTHERS: Final = [
    Parser("amazon's frames: split", [[Piece(b"".join(converse_support.FULL_STREAM))]], others.FRAMES, ("read", "bad")),
    Parser("lines: split", given.STREAMS["ollama"] + given.STREAMS["yandex"], others.LINES),
    Parser("server-sent events: split", [*given.STREAMS["chat"], *given.STREAMS["messages"]], others.EVENTS),
    *[
        Parser(f"weather of {name}: answer", [body(told)], others.weather_answer(name))
        for name, told in WEATHER.items()
    ],
    Parser(
        "weather: request",
        [body({"query": "Lisbon", "lang": "pt"}), body({"lat": 1.5, "lon": -9})],
        others.weather_request,
        ("read", "refused"),
    ),
    Parser(
        "responses: records",
        [body(responses.ANSWER), body(_GOES_ON)],
        others.records(given.as_json(responses.ANSWER)),
        ("read", "refused"),
    ),
    Parser("headers of limits", [[Piece(one)] for one in _LIMITS], others.answer_headers),
    Parser("addresses of the passthrough", [[Piece(_ADDRESS)]], others.odd_address, ("read", "refused")),
    Parser("google: credentials", [body(_USER)], others.google_file, ("read", "refused")),
    Parser("google: token", [body(_TOKEN), body({"error": "invalid_grant"})], others.google_token),
    Parser("aws: token", [[Piece(_STS)]], others.sts_answer, ("read", "bad_response")),
    Parser("aws: profiles", [[Piece(_PROFILES)]], others.aws_profiles),
    # Comments and the numbers of lines are kept for people, which takes a millisecond: the sample is smaller.
    Parser("configuration", [lines(_SETTINGS), [Piece(_SETTINGS)]], others.configuration, ("refused",), sample=200),
]
