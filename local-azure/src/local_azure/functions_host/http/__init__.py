"""HTTP triggers and the host's own addresses, as an ASGI application."""
