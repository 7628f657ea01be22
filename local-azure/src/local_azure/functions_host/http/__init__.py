"""HTTP triggers and the host's own endpoints, as an ASGI application."""
