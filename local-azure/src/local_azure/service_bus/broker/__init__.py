"""Queues, topics, locks, dead letters and expiry. Knows nothing of AMQP connections and errors."""
