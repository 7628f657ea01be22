"""What ssak8 does: one small class a use case, and the ports that it needs."""
