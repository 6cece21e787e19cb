"""Wire formats of language models: bytes in, bytes out, no I/O."""
