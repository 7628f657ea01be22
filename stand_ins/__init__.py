"""What stands in, on a laptop, for systems of others that the local Azure is no part of."""
