"""Which addresses are fetched, what comes in their place, and where a client wrote them."""

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from families.llm.vendor_calls import account_of, call, candidate
from segue.core.fetching import Fetched, Found, MustFetch, Unfetched, Wanted
from segue.core.ports import CannotServe, ProviderSpec
from segue.families.llm.formats.converse.losses import LOSSES
from segue.families.llm.ir.blocks import Media, Text, ToolResult
from segue.families.llm.ir.conversation import Conversation, Message
from segue.families.llm.ir.fields import Field, Takes
from segue.families.llm.linked import place_of, takes_of, with_data
from segue.families.llm.providers.ollama import ADAPTER as OLLAMA

URL = "https://files.example/a.png"
PNG = b"\x89PNG\r\n\x1a\nrest"
PDF = b"%PDF-1.7 rest"
TAKES = {
    Field.IMAGE_URL: Takes(("image/png", "image/jpeg"), 100, 2),
    Field.DOCUMENT_URL: Takes(("application/pdf",), 200, 1),
}


def turn(*content: Any, role: str = "user") -> Conversation:
    return Conversation(messages=[Message(role, list(content))])


def image(url: str = URL, **more: Any) -> Media:
    return Media("image", url=url, **more)


def document(url: str = URL, **more: Any) -> Media:
    return Media("document", url=url, **more)


def written(conversation: Conversation, found: dict[str, Found] | None = None) -> Any:
    """What stands in the conversation afterwards, or the addresses that are wanted."""
    try:
        return with_data(conversation, TAKES, found, call().request).messages[0].content
    except MustFetch as must:
        return list(must.wanted)


def refused(conversation: Conversation, found: Found) -> str:
    with pytest.raises(CannotServe) as caught:
        with_data(conversation, TAKES, {URL: found}, call().request)
    assert caught.value.failure.code == "media_not_fetched"
    return caught.value.failure.message


def test_what_is_not_known_yet_is_wanted_with_its_limit_and_its_types() -> None:
    assert written(turn(image())) == [Wanted(URL, 100, "image/png, image/jpeg")]


def test_an_address_is_wanted_once_with_the_larger_limit() -> None:
    assert [one.limit for one in written(turn(image(), document(), image()))] == [200]


def test_what_came_stands_in_the_place_of_its_address_and_all_else_stays() -> None:
    media = image(detail="low", name="cat")
    (block,) = written(turn(media), {URL: Fetched(PNG, "text/html")})
    assert block == Media("image", "image/png", base64.b64encode(PNG).decode(), detail="low", name="cat")
    assert media.url == URL  # the caller's own conversation is the one that other candidates see


def test_media_in_results_of_tools_are_looked_for_too() -> None:
    conversation = turn(ToolResult("t", (Text("a"), image())))
    assert [one.url for one in written(conversation)] == [URL]
    (result,) = written(conversation, {URL: Fetched(PNG)})
    assert [type(part) for part in result.content] == [Text, Media]
    assert result.content[1].data == base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "media",
    [
        Media("image", "image/png", "iVBO"),
        Media("image", file="s3://bucket/a.png", vendor="bedrock"),
        image("s3://bucket/a.png"),
        image("ftp://files.example/a.png"),
        Media("video", url="https://files.example/a.mp4"),
        Media("document", text="words"),
    ],
    ids=["data", "a file", "s3", "ftp", "a video", "a text"],
)
def test_all_else_is_left_to_the_writer_of_the_format(media: Media) -> None:
    conversation = turn(media)
    assert with_data(conversation, TAKES, None, call().request) is conversation


def test_media_of_the_assistants_are_not_looked_for() -> None:
    conversation = turn(image(), role="assistant")
    assert with_data(conversation, TAKES, None, call().request) is conversation


def test_a_vendor_that_takes_no_documents_has_none_fetched() -> None:
    conversation = turn(document())
    assert with_data(conversation, {Field.IMAGE_URL: TAKES[Field.IMAGE_URL]}, None, call().request) is conversation


@pytest.mark.parametrize(
    ("media", "found", "why"),
    [
        (image(), Unfetched("no reason"), "could not be fetched: no reason"),
        (image(), Fetched(b"GIF89a"), "none of image/png, image/jpeg"),
        (image(), Fetched(PDF), "none of image/png, image/jpeg"),
        (image(), Fetched(PNG + bytes(100)), "larger than 100 bytes"),
        (document(), Fetched(b"<html>", "application/pdf"), "none of application/pdf"),
        (document(type="application/pdf"), Fetched(PNG), "none of application/pdf"),
    ],
)
def test_what_is_of_no_use_is_refused_with_the_reason(media: Media, found: Found, why: str) -> None:
    assert why in refused(turn(media), found)


def test_a_picture_under_an_address_of_unknown_type_is_an_image() -> None:
    (block,) = written(turn(document()), {URL: Fetched(PNG)})
    assert (block.kind, block.type) == ("image", "image/png")


@pytest.mark.parametrize("media", [image(), document()])
def test_more_than_the_vendor_takes_is_refused_before_anything_is_fetched(media: Media) -> None:
    with pytest.raises(CannotServe, match="is one too many"):
        written(turn(media, media, media))


def test_who_takes_more_has_what_was_too_large_fetched_again() -> None:
    found: dict[str, Found] = {URL: Unfetched("it is larger than 50 bytes", 50)}
    assert written(turn(image()), found) == [Wanted(URL, 100, "image/png, image/jpeg")]
    found[URL] = Unfetched("it is larger than 100 bytes", 100)
    assert "larger than 100 bytes" in refused(turn(image()), found[URL])


def test_bedrock_has_fetched_what_its_reference_says_that_it_takes() -> None:
    takes = takes_of(LOSSES)
    sizes = {field: (one.size, one.most) for field, one in takes.items()}
    assert sizes == {Field.IMAGE_URL: (3_932_160, 20), Field.DOCUMENT_URL: (4_718_592, 5)}
    assert takes[Field.IMAGE_URL].types == ("image/png", "image/jpeg", "image/gif", "image/webp")


# Where a client wrote it


@pytest.mark.parametrize(
    ("client", "fields", "place"),
    [
        ("chat", {"messages": [{"role": "user", "content": [{"a": {"url": URL}}]}]}, "messages[0].content[0].a.url"),
        ("messages", {"messages": [{"content": [1, {"source": {"url": URL}}]}]}, "messages.0.content.1.source.url"),
        (
            "responses",
            {"input": [{"content": [{"image_url": URL}, {"image_url": URL}]}]},
            "input[0].content[0].image_url",
        ),
        (
            "gemini",
            {"contents": [{"parts": [{"fileData": {"fileUri": URL}}]}]},
            "contents[0].parts[0].fileData.fileUri",
        ),
        ("chat", {"messages": [{"role": "user", "content": f"see {URL}"}]}, ""),
    ],
)
def test_the_place_is_told_as_the_clients_vendor_would_write_it(client: str, fields: dict, place: str) -> None:
    assert place_of(call(client, **fields).request, URL) == place


def test_a_deep_body_is_searched_all_the_same() -> None:
    deep: Any = URL
    for _ in range(400):
        deep = [deep]
    assert place_of(call(metadata=deep).request, URL) == "metadata" + "[0]" * 400


# A vendor whose format has a word for addresses and whose servers fetch none


def asked(*parts: dict, client: str = "chat", **fields: Any) -> SimpleNamespace:
    made = call(client, messages=[{"role": "user", "content": [{"type": "text", "text": "hi"}, *parts]}], **fields)
    made.fetched = None
    return made


BY_URL = {"type": "image_url", "image_url": {"url": URL}}
BY_DATA = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}


def test_requests_without_addresses_go_to_ollama_as_they_came() -> None:
    codec = account_of("ollama").codecs["chat"]
    for one in (asked(BY_DATA, own_field=1), asked(own_field=1), asked({"type": "image_url"})):
        body = json.loads(codec.encode(one, candidate("llava")).body)
        assert body["messages"] == json.loads(bytes(one.request.fields["messages"]))


def test_requests_with_addresses_go_to_ollama_with_data_and_all_their_settings() -> None:
    codec = account_of("ollama").codecs["chat"]
    one = asked(BY_DATA, BY_URL, temperature=0.5, own_field=1)
    with pytest.raises(MustFetch) as must:
        codec.encode(one, candidate("llava"))
    assert [wanted.url for wanted in must.value.wanted] == [URL]
    one.fetched = {URL: Fetched(PNG)}
    body = json.loads(codec.encode(one, candidate("llava")).body)
    assert [part.get("image_url", {}).get("url", "") for part in body["messages"][0]["content"]] == [
        "",
        BY_DATA["image_url"]["url"],
        f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
    ]
    assert (body["temperature"], body["own_field"], body["model"]) == (0.5, 1, "llava")
    assert URL not in json.dumps(body)


@pytest.mark.parametrize("native", [False, True])
def test_where_nothing_may_be_fetched_ollama_refuses_addresses(native: bool) -> None:
    spec = ProviderSpec("mine", "ollama", options={"native": native, "formats": None}, fetches=False)
    codec: Any = OLLAMA.build(spec).codecs["chat"]
    with pytest.raises(CannotServe, match="send the image as data"):
        codec.encode(asked(BY_URL), candidate("llava"))
    assert not codec.carries("field:chat.image_url", "llava")
    assert OLLAMA.build(ProviderSpec("mine", "ollama")).codecs["chat"].carries("field:chat.image_url", "llava")
