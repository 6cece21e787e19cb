"""The formats in which callers speak to Segue: hot paths, each a raw ASGI callable."""
