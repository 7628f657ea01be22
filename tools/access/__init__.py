"""ACCESS=customers on this machine: its keys, its settings, and tokens for customers and operators."""
