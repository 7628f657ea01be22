"""Stands in for Kakao Login: it signs in whoever is chosen on its page. See ../README.md."""
