"""How long one example takes says nothing: a machine may stop for a moment."""

from hypothesis import settings

settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")
