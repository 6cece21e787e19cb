"""Requests changed on their last step before the network, as a configuration wants it.

A vendor's account has rules that no client knows of: a temperature that must be 0, a field that its copy of an API
refuses, a header by which a proxy bills. They are laid over the request when it is in the provider's own format, so
that they hold for requests that passed through and for those that were translated. Where a configuration says
nothing, none of this is in the way.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Outcome
from segue.core.ports import Authoriser, Codec, StreamReader, WireAdapter, WireRequest

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

_top = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Edits:
    """What is changed in the requests for one model.

    Attributes:
        set: fields of the body's top level that always have this value.
        defaults: fields that have it where the request gives none.
        drop: fields that are left out.
        headers: headers that every request carries, by their names in lower case; the values may be secret.
    """

    set: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    drop: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        """Whether anything is changed."""
        return bool(self.set or self.defaults or self.drop or self.headers)

    def under(self, other: "Edits") -> "Edits":
        """These with the more specific `other` laid over them: a field means what `other` says of it, if it does."""
        spoken_of = {*other.set, *other.drop}
        return Edits(
            {**{name: value for name, value in self.set.items() if name not in spoken_of}, **other.set},
            {**self.defaults, **other.defaults},
            tuple(dict.fromkeys((*(name for name in self.drop if name not in other.set), *other.drop))),
            {**self.headers, **other.headers},
        )

    def body(self, body: bytes) -> bytes:
        """The body with its top level changed; one that is no JSON object stays as it is."""
        if not (self.set or self.defaults or self.drop):
            return body
        try:
            fields: dict[str, Any] = dict(_top.decode(body))
        except msgspec.DecodeError:
            return body
        for name in self.drop:
            fields.pop(name, None)
        return msgspec.json.encode({**self.defaults, **fields, **self.set})


class EditedCodec:
    """A codec whose requests are changed; see `segue.core.ports.Codec`.

    Args:
        inner: the adapter's own.
        common: what is changed for every model.
        special: by the name under which a model is listed: what is changed for it, the common part included.
        forwarded: headers of the client's that are sent on.
    """

    def __init__(
        self, inner: Codec, common: Edits, special: Mapping[str, Edits], forwarded: frozenset[str] = frozenset()
    ) -> None:
        self._inner = inner
        self._common = common
        self._special = special
        self._forwarded = forwarded

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        request = self._inner.encode(call, candidate)
        edits = self._special.get(candidate.listed or candidate.model, self._common)
        headers = {name: value for name, value in call.headers.items() if name in self._forwarded}
        if not headers and not edits:
            return request
        changed = {**headers, **edits.headers}
        if changed:
            # One header has one value: what an adapter writes in capitals is the same header.
            kept = {name: value for name, value in request.headers.items() if name.lower() not in edits.headers}
            own = {name.lower() for name in kept}
            changed = {**kept, **{name: value for name, value in changed.items() if name not in own}}
        else:
            changed = dict(request.headers)
        return WireRequest(request.method, request.url, changed, edits.body(request.body))

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        return self._inner.decode(call, candidate, status, headers, body)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """See `Codec.reader`."""
        return self._inner.reader(call, candidate, headers)

    def wants_stream(self, call: "Call") -> bool:
        """See `Codec.wants_stream`."""
        return self._inner.wants_stream(call)


@dataclass(frozen=True, slots=True)
class EditedAdapter:
    """An adapter with other codecs in the place of its own; see `segue.core.ports.WireAdapter`."""

    codecs: Mapping[str, Codec]
    allow_private: bool
    authoriser: Authoriser | None


def edited(
    adapter: WireAdapter,
    common: Edits,
    special: Mapping[str, Edits],
    forwarded: frozenset[str],
    operations: Collection[str],
) -> WireAdapter:
    """An adapter whose requests are changed; the same one where there is nothing to change.

    Args:
        adapter: as it was built.
        common: what is changed for every model.
        special: what is changed for a model besides, by the name under which it is listed.
        forwarded: headers of the client's that are sent on.
        operations: ids of those for which the common fields are meant; other operations get the headers alone, since
            their bodies have other fields.
    """
    if not (common or forwarded or any(special.values())):
        return adapter
    codecs = {}
    for name, codec in adapter.codecs.items():
        base = common if name in operations else Edits(headers=common.headers)
        codecs[name] = EditedCodec(codec, base, {model: base.under(one) for model, one in special.items()}, forwarded)
    return EditedAdapter(codecs, adapter.allow_private, getattr(adapter, "authoriser", None))
