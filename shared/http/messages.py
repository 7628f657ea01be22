"""How a KakaoTalk message looks from outside."""

from typing import Final

from shared.domain.kakao_message import KakaoMessage
from shared.http.hal import Properties, Resource, properties_of


def _properties(message: KakaoMessage) -> Properties:
    properties = properties_of(message)
    properties.pop("requestFingerprint", None)
    return {"id": message.message_id, **properties}


kakaos: Final = Resource[KakaoMessage]("kakao", "kakaos", _properties)
