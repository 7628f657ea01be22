"""The limits of the service that is stood in for (Service Bus, standard tier), and those of this server.

Sizes in bytes, durations in seconds.
"""

# https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
MAX_MESSAGE_SIZE = 256 * 1024
MAX_LOCK_DURATION = 5 * 60
DEFAULT_LOCK_DURATION = 60
DEFAULT_MAX_DELIVERY_COUNT = 10
MIN_DUPLICATE_DETECTION_WINDOW = 20
MAX_DUPLICATE_DETECTION_WINDOW = 7 * 24 * 3600
DEFAULT_DUPLICATE_DETECTION_WINDOW = 10 * 60
MAX_MESSAGE_ID_LENGTH = 128
MAX_DEAD_LETTER_TEXT = 4096

MAX_FRAME_SIZE = 64 * 1024
CHANNEL_MAX = 255
IDLE_TIMEOUT = 240.0

# Messages of a queue that are kept in memory: beyond the larger number only the first ones, the rest is read again.
READY_WINDOW = 500
MAX_READY = 2 * READY_WINDOW

MAX_PEEKED_MESSAGES = 250
MAX_PEEKED_SIZE = 1024 * 1024
MAX_TIMED_MESSAGES = 500  # expired or scheduled messages handled in one turn of the loop

SHUTDOWN_TIMEOUT = 0.5
CHECKPOINT_INTERVAL = 2.0
PRUNE_INTERVAL = 5.0
