"""The original system's whole scenario, played on a fresh stack."""
