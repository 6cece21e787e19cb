"""Yandex's Foundation Models completion, as a provider speaks it."""
