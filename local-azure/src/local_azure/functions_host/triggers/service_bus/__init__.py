"""Service Bus triggers for queues and topic subscriptions, with the azure-servicebus SDK."""
