"""The ground floor: the words that every other room uses.

Nothing here does I/O, and nothing here knows a family, a format or a provider by name.
"""
