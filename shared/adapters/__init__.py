"""Implementations of the ports: Cosmos DB, Service Bus, the kakao service, KakaoTalk providers."""
