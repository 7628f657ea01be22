"""AMQP 1.0 for the side that accepts connections. It knows nothing of Service Bus."""
