"""Spans, metrics and logs of the local Azure and of the apps it runs: printed, or sent to an OTLP endpoint."""
