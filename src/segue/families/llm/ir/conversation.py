"""A request for a chat, in a form that belongs to no vendor."""

import msgspec

from segue.families.llm.ir.blocks import CacheMark, Content, Text

Raw = msgspec.Raw


class Message(msgspec.Struct, gc=False):
    """One turn. `role`: `user`, `assistant`, or `system` for an instruction given in the middle of the conversation.

    Results of tools are blocks of a `user` turn, whatever the format calls them. `name`: of the speaker, if given.
    """

    role: str
    content: list[Content]
    name: str = ""


class FunctionTool(msgspec.Struct, gc=False):
    """A tool of the caller's.

    Attributes:
        parameters: a JSON Schema as JSON; empty for none.
        strict: whether the arguments must satisfy the schema.
        response: a JSON Schema of the result (Gemini), as JSON; empty for none.
    """

    name: str
    description: str = ""
    parameters: bytes = b""
    strict: bool | None = None
    cache: CacheMark | None = None
    response: bytes = b""


class VendorTool(msgspec.Struct, gc=False):
    """A tool that only its vendor knows: a server tool (web search, code execution), a built-in or a custom one.

    Attributes:
        vendor: whose.
        type: the vendor's word for it: `web_search_20250305`, `google_search`, `custom`, …
        raw: the vendor's own declaration as JSON.
    """

    vendor: str
    type: str
    raw: bytes


Tool = FunctionTool | VendorTool


class ToolChoice(msgspec.Struct, frozen=True, gc=False):
    """Whether tools are called. `mode`: `auto`, `none`, `required`; `names`: only these (one: exactly this one)."""

    mode: str
    names: tuple[str, ...] = ()


class Output(msgspec.Struct, frozen=True, gc=False):
    """The shape of the answer: any JSON object, or one that satisfies `schema` (a JSON Schema as JSON)."""

    schema: bytes = b""
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Reasoning(msgspec.Struct, frozen=True, gc=False):
    """How much the model is to think.

    Attributes:
        enabled: False switches thinking off, True on; `None`: the model's own habit, or what the others say.
        effort: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`: the vendor's word as the caller wrote it.
        budget: tokens of thinking; `adaptive`: the model decides how many (Anthropic), -1 at Gemini.
        show: whether the caller wants to see thoughts or their summary; `None`: not said.
        summary: the caller's wish for the summary: `auto`, `concise`, `detailed`.
        habit: `effort` is meant for the answer as a whole; whether to think at all stays the model's own habit
            (Anthropic, where the two are apart).
    """

    enabled: bool | None = None
    effort: str | None = None
    budget: int | None = None
    adaptive: bool = False
    show: bool | None = None
    summary: str | None = None
    habit: bool = False


class Sampling(msgspec.Struct, frozen=True, gc=False):
    """How tokens are drawn; `None` where the caller said nothing. `logit_bias` as JSON."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: bytes = b""


class Namespaces(msgspec.Struct, gc=False):
    """Groups of tools (OpenAI) whose tools were given names of their own.

    Attributes:
        names: by the name that was made: the group, and the tool's name within it.
        declared: the group's own declaration as JSON, by the name that its first tool was given.
    """

    names: dict[str, tuple[str, str]]
    declared: dict[str, bytes]


class Conversation(msgspec.Struct, kw_only=True, gc=False):
    """A request for a chat: everything that some vendor has a word for, each with a type of its own.

    Attributes:
        model: the name that the caller asked for, or (for writing) the provider's own.
        system: instructions that stand before the conversation.
        messages: the turns; neighbours of one role are allowed (formats that forbid it join them).
        tool_choice, parallel_tools: `None` where the caller said nothing.
        output: `None` for free text.
        max_tokens: of the answer, thinking included.
        stop: sequences that end the answer.
        stream: whether the answer is to come piece by piece.
        stream_usage: whether a streaming client of Chat Completions asked for the usage (other formats always tell).
        n: how many answers.
        logprobs: whether probabilities of tokens are wanted; `top_logprobs`: how many alternatives.
        user: the caller's name of its end user; `metadata`: names and values that the vendor is to store.
        previous: the id of an earlier response to go on from (Responses).
        modalities: kinds of answer that are wanted, if not just text; `audio` as the vendor's JSON.
        prediction: text that much of the answer is expected to be (OpenAI), as JSON.
        safety: Gemini's safety settings, as JSON; `cached_content`: the name of Gemini's cached content.
        guardrail: Bedrock's guardrail configuration, as JSON.
        prompt_cache_key, prompt_cache_retention, safety_identifier, verbosity, truncation, max_tool_calls,
        service_tier, store, include, background: as OpenAI means them.
        betas: Anthropic's beta features that the caller switched on by header.
        functions: whether the caller offered its tools by their older name, `functions`, and waits for a
            `function_call` (Chat Completions).
        prompt: a template that lies with OpenAI (Responses), as JSON.
        context_management, container: Anthropic's, as JSON.
        thread: the id of the answer whose thread is gone on with, if one is (Anthropic).
        namespaces: what names of tools stand for that were made from those of a group and of a tool in it (OpenAI).
        extra: further fields by the caller's name for them, as JSON: they go to a provider of the caller's own format
            and are named in a warning elsewhere.
    """

    model: str = ""
    system: list[Text] = []
    messages: list[Message] = []
    tools: list[Tool] = []
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    output: Output | None = None
    sampling: Sampling = Sampling()
    reasoning: Reasoning | None = None
    max_tokens: int | None = None
    stop: list[str] = []
    stream: bool = False
    stream_usage: bool = True
    n: int = 1
    logprobs: bool = False
    top_logprobs: int | None = None
    user: str = ""
    metadata: dict[str, str] = {}
    previous: str = ""
    modalities: list[str] = []
    audio: bytes = b""
    prediction: bytes = b""
    safety: bytes = b""
    cached_content: str = ""
    guardrail: bytes = b""
    prompt_cache_key: str = ""
    prompt_cache_retention: str = ""
    safety_identifier: str = ""
    verbosity: str = ""
    truncation: str = ""
    max_tool_calls: int | None = None
    service_tier: str = ""
    store: bool | None = None
    include: list[str] = []
    background: bool | None = None
    betas: list[str] = []
    functions: bool = False
    prompt: bytes = b""
    context_management: bytes = b""
    container: bytes = b""
    thread: str = ""
    namespaces: Namespaces | None = None
    extra: dict[str, Raw] = {}
