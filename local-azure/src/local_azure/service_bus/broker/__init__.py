"""What the service does with messages: queues, topics, locks, dead letters, expiry. It knows nothing of the wire."""
