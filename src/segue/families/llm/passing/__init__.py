"""Streams that go through as bytes, because the client speaks the provider's format: a file for each format.

Chat Completions has its own, quicker way: `segue.families.llm.formats.openai_stream`.
"""
