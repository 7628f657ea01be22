"""What ssak8 knows about customers, messages, views and events: pure, without I/O."""
