"""Segue: one call to one API; it decides who serves it, and when that one fails the next carries on."""

__version__ = "0.1.0"
