"""What a service tells its supervisor, in lines on stdout. What else it prints there goes to its log."""

# `ready ADDRESS`: it serves.
READY = "ready"
# `failed REASON`: it cannot start. Without it, the reason is at the end of the log.
FAILED = "failed"
# `released`: it has begun to end, and its listeners have ended. Its successor may start its own.
RELEASED = "released"
# `clock SECONDS`: an emulator has read again how far its clock is ahead.
CLOCK = "clock"
