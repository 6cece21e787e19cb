"""The ASGI application: surfaces for callers, and the service's own pages."""
