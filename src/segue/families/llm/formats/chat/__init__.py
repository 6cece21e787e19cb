"""OpenAI's Chat Completions, both ways."""
