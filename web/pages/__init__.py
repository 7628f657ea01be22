"""The pages, each from a visit to an answer."""
