"""The scenario as a library: call a system, wait for it, narrate the steps, look into a local one.

The demo (`python -m tools.play`), the smoke test, the load test and the end-to-end tests are built on it.
"""
