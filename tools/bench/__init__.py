"""Load and latency of the whole system on one machine, and its cost on Azure."""
