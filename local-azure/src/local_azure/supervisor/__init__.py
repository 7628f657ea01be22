"""Starts the services of the local Azure as child processes, keeps them running, and ends them."""
