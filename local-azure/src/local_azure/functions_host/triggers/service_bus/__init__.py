"""Service Bus triggers: queues and topic subscriptions, through the azure-servicebus SDK."""
