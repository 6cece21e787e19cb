"""Anthropic's Messages: the format of its own API, as clients and as providers speak it."""
