"""Kakao's search for an address, where WEB_POSTCODE is on: an address can always be typed instead.

What is typed into it goes to Kakao, and its script and frame come from there, so only the pages that have it let them
in. The addresses are those of https://postcode.map.kakao.com/guide; Kakao moves from the first to the second.
"""

from collections.abc import Mapping
from typing import Final

from web.visit import CONTENT_SECURITY_POLICY

SCRIPT: Final = "https://t1.daumcdn.net/mapjsapi/bundle/postcode/prod/postcode.v2.js"
SCRIPTS: Final = "https://t1.daumcdn.net https://t1.kakaocdn.net"
FRAMES: Final = "https://postcode.map.daum.net https://postcode.map.kakao.com"


def postcode_headers(script: str) -> Mapping[str, str]:
    """Of a page with it. `script`: its address; empty if it is off."""
    if not script:
        return {}
    policy = CONTENT_SECURITY_POLICY.replace("script-src 'self'", f"script-src 'self' {SCRIPTS}")
    return {"Content-Security-Policy": f"{policy}; frame-src {FRAMES}"}
