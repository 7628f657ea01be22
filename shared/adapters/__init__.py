"""How the ports are met: Cosmos DB, Service Bus, the kakao service, KakaoTalk providers."""
