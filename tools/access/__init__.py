"""Who calls, on this machine: keys, the settings that name them, and tokens for customers and operators."""
