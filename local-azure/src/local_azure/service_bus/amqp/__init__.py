"""The server side of AMQP 1.0. Knows nothing of Service Bus."""
