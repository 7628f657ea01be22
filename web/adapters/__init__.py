"""Kakao Login, Entra ID and the other apps, over HTTP."""
