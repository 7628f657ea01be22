"""Who brings a message to a phone: one module a provider."""
