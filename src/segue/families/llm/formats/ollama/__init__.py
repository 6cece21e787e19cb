"""Ollama's own chat (`/api/chat`), as a provider speaks it."""
