"""Stands in for Entra ID: it issues operators' tokens to whoever asks. See README.md."""
