"""Writes docs/providers.md from the adapters: `PYTHONPATH=tests python -m families.llm.providers_page`.

Addresses and headers are taken from requests that the adapters really write.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from families.llm.vendor_calls import OPTIONS, SECRET, kinds, sent
from segue.config.models import Provider

PAGE: Final = Path(__file__).parents[3] / "docs" / "providers.md"

_NAMES: Final = {
    "chat": "Chat Completions",
    "responses": "Responses",
    "messages": "Anthropic Messages",
    "gemini": "Gemini",
    "converse": "Bedrock Converse",
    "yandex": "Yandex completion",
    "ollama": "Ollama chat",
}

_INTRO: Final = """\
# Providers of language models

Every vendor that `adapter:` can name. This page is made from the adapters themselves; addresses and headers are those
of requests that they wrote.

A provider is three things: a **format** (what a request and an answer look like), an **endpoint** with its
authorisation, and **habits** (what this vendor calls things, leaves out or refuses). A client may speak any format at
any provider. Where the provider speaks the client's format, the client's bytes go through; else the request is
translated into the first format of the provider, and what is lost on the way is named in `x-segue-warnings` or, where
the answer would be another, the next candidate is asked.
"""

_AFTER: Final = """\
A `base_url` replaces the address up to the path of the operation. Variables are looked at only when there is no
configuration; of several the first that is set counts.

`bedrock` without a key signs its requests (AWS Signature Version 4) with credentials from its settings, else from the
places where AWS's SDKs look: the environment (`AWS_ACCESS_KEY_ID`, …), a web identity (`AWS_WEB_IDENTITY_TOKEN_FILE`),
the shared files (`AWS_PROFILE`, roles by way of a `source_profile` included), the container, the machine.

`vertex` fetches access tokens for the service account of `credentials` (it needs `pip install 'segue[vertex]'`), else
from where Google's libraries look: `GOOGLE_APPLICATION_CREDENTIALS`, what `gcloud` has stored, the machine. A `key` is
taken for an access token that somebody else renews.
Models whose name begins with `claude` are asked in Anthropic's format, at `publishers/anthropic` and `rawPredict`.

Temporary credentials are fetched once for all calls, renewed five minutes before they end, and used to their end when
renewing fails.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_INTRO, *_table(), "", _AFTER, *_settings(), *_habits(), *_sources()])


def _table() -> Iterator[str]:
    yield "| adapter | formats | address | a key goes as | variables |"
    yield "|---|---|---|---|---|"
    for name, kind in kinds().items():
        more = getattr(kind, "more_formats", ())
        formats = [_NAMES[one] for one in kind.formats] + [f"({_NAMES[one]})" for one in more]
        needs = [f"`{variable}`" for variable in getattr(kind, "extra", {}).values()]
        variables = ", ".join(f"`{variable}`" for variable in kind.environment)
        if needs:
            variables += f"; with it {', '.join(needs)}"
        key = _key(name) + ("" if kind.needs_key else "; optional")
        yield f"| `{name}` | {', '.join(formats)} | `{_address(name)}` | {key} | {variables or 'none'} |"
    yield ""
    yield "Formats in brackets are spoken by the vendor, too, but only used where `formats` names them."


def _address(name: str) -> str:
    url = sent(name).url
    for setting, value in OPTIONS.get(name, {}).items():
        url = url.replace(value, f"{{{setting}}}")
    return re.sub(r"(?<=/)m(?=[:/])", "{model}", url)


def _key(name: str) -> str:
    if name == "vertex":
        return "`authorization: Bearer KEY`"
    headers = sent(name).headers
    found = [f"`{header}: {value.replace(SECRET, 'KEY')}`" for header, value in headers.items() if SECRET in value]
    assert len(found) == 1, name
    return found[0]


def _settings() -> Iterator[str]:
    yield "## Settings of their own\n"
    yield "| adapter | setting | default | meaning |"
    yield "|---|---|---|---|"
    for name, kind in kinds().items():
        model: Any = getattr(kind, "options", None)
        for setting, field in (model.model_fields if model is not None else {}).items():
            default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
            described = " ".join(inspect.cleandoc(field.description or "").split())
            yield f"| `{name}` | `{setting}` | {default} | {described} |"
    yield ""


def _default(value: object) -> str:
    if value is None or value == {}:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _habits() -> Iterator[str]:
    yield "## Habits\n"
    yield "What is left out without a word asks for nothing that the answer could show. Of the rest the caller is told:"
    yield "a setting that is left out is a warning, one that is not served sends the call to the next candidate.\n"
    yield "| adapter | settings |"
    yield "|---|---|"
    for name, kind in kinds().items():
        for of, habits in (
            ("", getattr(kind, "habits", None)),
            (", Responses", getattr(kind, "responses_habits", None)),
        ):
            if habits:
                yield f"| `{name}`{of} | {_escaped(habits.told)} |"
    yield ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _sources() -> Iterator[str]:
    yield "## Sources\n"
    yield "Where vendors say this (read on 2026-11-21), and of what day the copy was, if that is known. What a vendor"
    yield "does not say is named, so that nobody takes it for known.\n"
    yield "| adapter | read | not documented |"
    yield "|---|---|---|"
    for name, kind in kinds().items():
        sources, unsaid = getattr(kind, "sources", {}), getattr(kind, "unsaid", ())
        if sources or unsaid:
            read = "; ".join(f"{address} ({day})" if day else address for address, day in sources.items())
            yield f"| `{name}` | {read} | {'; '.join(unsaid)} |"
    yield ""


def undocumented() -> list[str]:
    """Settings of adapters without a description, and those that hide a common one for no reason."""
    found = []
    for name, kind in kinds().items():
        model: Any = getattr(kind, "options", None)
        for setting, field in (model.model_fields if model is not None else {}).items():
            if not field.description or (setting in Provider.model_fields and not field.is_required()):
                found.append(f"{name}.{setting}")
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
