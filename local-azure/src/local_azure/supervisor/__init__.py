"""Starts the services as child processes, restarts those that end, and stops them."""
