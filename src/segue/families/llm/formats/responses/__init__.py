"""OpenAI's Responses, both ways."""
