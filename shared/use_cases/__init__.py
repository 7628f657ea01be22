"""What ssak8 does: one small class per use case, and the ports that it needs."""
