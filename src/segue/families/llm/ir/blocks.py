"""What messages are made of, in a form that belongs to no vendor.

A chat format that serves as the middle of all others loses what it has no word for: signatures, citations, results
that are errors, the order of thinking and tools. These blocks are the union of what the vendors have words for; each
format translates between its own words and these, and never meets another format.
"""

from typing import Final

import msgspec

ANTHROPIC: Final = "anthropic"
GOOGLE: Final = "google"
OPENAI: Final = "openai"
BEDROCK: Final = "bedrock"


class Block(msgspec.Struct, gc=False):
    """One piece of a message's content."""


class CacheMark(msgspec.Struct, frozen=True, gc=False):
    """The caller's wish that everything up to here be cached by the provider; `ttl` as the vendor writes it (`5m`)."""

    ttl: str | None = None


class Signature(msgspec.Struct, frozen=True, gc=False):
    """A vendor's own proof or ciphertext, which only that vendor can read.

    Attributes:
        vendor: whose it is: `anthropic`, `google`, `openai`, …; a conversation that moves elsewhere drops it.
        value: as the vendor gave it.
        kind: `signature` of a text that is sent beside it; `redacted` or `encrypted` for content that it is itself.
    """

    vendor: str
    value: str
    kind: str = "signature"


class Citation(msgspec.Struct, frozen=True, gc=False):
    """Where a passage of the answer comes from.

    Attributes:
        url, title: of the source.
        quote: the passage of the source.
        start, end: the passage of the answer's text, in characters, where the vendor says so.
        raw: the vendor's own object as JSON, for clients of the same format.
        vendor: whose object `raw` is.
    """

    url: str = ""
    title: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None
    raw: bytes = b""
    vendor: str = ""


class Text(Block):
    """Plain text.

    Attributes:
        signature: Gemini may sign any part, a text included.
        phase: OpenAI's word for what a message of the model's is (`commentary`, `final_answer`); it wants it back.
    """

    text: str = ""
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()
    signature: Signature | None = None
    phase: str = ""


class Refusal(Block):
    """The model's own words for declining."""

    text: str = ""


class Media(Block):
    """An image, a sound, a video or a document: by exactly one of `data`, `url` and `file`.

    Attributes:
        kind: `image`, `audio`, `video` or `document`.
        type: the media type, e.g. `image/png`; empty where only a URL is known.
        data: base64 in the standard alphabet, padded.
        url: where the provider may fetch it.
        file: the vendor's id of an uploaded file; `vendor` says whose.
        text: a document given as plain text.
        name: a file name or title.
        detail: how closely an image is to be looked at: `low`, `high`, `auto`, …
        context: what the caller says about a document.
        citations: whether the answer is to cite the document.
        signature: Gemini signs images that it makes.
    """

    kind: str
    type: str = ""
    data: str = ""
    url: str = ""
    file: str = ""
    vendor: str = ""
    text: str | None = None
    name: str = ""
    detail: str = ""
    context: str = ""
    citations: bool = False
    cache: CacheMark | None = None
    signature: Signature | None = None


class Thinking(Block):
    """What the model thought before it spoke.

    Attributes:
        text: the thought, or the vendor's summary of it; empty where it is kept secret.
        signature: the vendor's proof of the text, or the thought itself, enciphered.
        summary: whether `text` is only a summary.
        id: the vendor's name of this item, if it has one.
    """

    text: str = ""
    signature: Signature | None = None
    summary: bool = False
    id: str = ""


class ToolUse(Block):
    """The model calls a tool of the caller's.

    Attributes:
        id: pairs it with its result; made up by the reader where a vendor gives none.
        name: of the tool.
        arguments: a JSON object as text, exactly as the model wrote it; "" while it is being streamed, and for no
            arguments at all.
        signature: Gemini signs calls of tools.
        custom: whether `arguments` is free text for a custom tool (OpenAI) instead of JSON.
        item: the vendor's name of this item, if it has one beside `id` (OpenAI Responses).
        namespace: the group of the tool, where the vendor told it (OpenAI Responses).
    """

    id: str
    name: str
    arguments: str = ""
    signature: Signature | None = None
    cache: CacheMark | None = None
    custom: bool = False
    item: str = ""
    namespace: str = ""


class ToolResult(Block):
    """What the caller's tool gave back: text and media. `name` where the format says it; `error`: the tool failed."""

    id: str
    content: "tuple[Text | Media, ...]" = ()
    error: bool = False
    name: str = ""
    cache: CacheMark | None = None


class ServerItem(Block):
    """A step of a tool that the vendor itself runs (a web search, a code run): understood by that vendor alone.

    Attributes:
        vendor: whose.
        type: the vendor's word for it.
        raw: the vendor's own block as JSON.
        plain: the same without what only the vendor knows, for all others; `None` where that would be another thing.
    """

    vendor: str
    type: str
    raw: bytes
    plain: Media | ToolResult | None = None


Content = Text | Refusal | Media | Thinking | ToolUse | ToolResult | ServerItem
