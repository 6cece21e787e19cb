"""A request for embeddings and its answer, in a form that belongs to no vendor."""

import msgspec

from segue.core.outcome import Usage


class Embeddings(msgspec.Struct, kw_only=True, gc=False):
    """Texts that are to become vectors.

    Attributes:
        model: the name that the caller asked for, or (for writing) the provider's own.
        texts: one vector is made of each.
        dimensions: of each vector; `None` for the model's own.
        task: what the vectors are for, in small letters: `retrieval_query`, `retrieval_document`,
            `semantic_similarity`, `classification`, `clustering`, `question_answering`, `fact_verification`,
            `code_retrieval_query`; empty where the caller said nothing.
        titles: of the documents, one for each text; empty where none has one.
        encoding: `float`, or `base64` of little-endian 32-bit floats, which clients of OpenAI may ask for.
        user: the caller's name of its end user.
    """

    model: str = ""
    texts: list[str] = []
    dimensions: int | None = None
    task: str = ""
    titles: list[str] = []
    encoding: str = "float"
    user: str = ""


class Vectors(msgspec.Struct, kw_only=True, gc=False):
    """The vectors, in the order of the texts. `usage`: where the vendor tells it."""

    model: str = ""
    vectors: list[list[float]] = []
    usage: Usage | None = None
