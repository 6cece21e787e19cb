"""Authorisation that is more than a key in a header: signatures, and tokens that must be fetched and renewed."""
