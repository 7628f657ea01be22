"""The nodes that clients attach to, between AMQP and the broker."""
