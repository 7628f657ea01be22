"""The limits of Azure Service Bus (standard tier), and those of this server. Sizes in bytes, durations in seconds."""

# https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
MAX_MESSAGE_SIZE = 256 * 1024
MAX_LOCK_DURATION = 5 * 60
DEFAULT_LOCK_DURATION = 60
DEFAULT_MAX_DELIVERY_COUNT = 10
HIGHEST_MAX_DELIVERY_COUNT = 2000
MIN_DUPLICATE_DETECTION_WINDOW = 20
MAX_DUPLICATE_DETECTION_WINDOW = 7 * 24 * 3600
DEFAULT_DUPLICATE_DETECTION_WINDOW = 10 * 60
MAX_ENTITY_NAME_LENGTH = 260
MAX_SUBSCRIPTION_NAME_LENGTH = 50
MAX_MESSAGE_ID_LENGTH = 128
MAX_DEAD_LETTER_TEXT = 4096

# Announced to the peer when a connection opens.
MAX_FRAME_SIZE = 64 * 1024
CHANNEL_MAX = 255
IDLE_TIMEOUT = 240.0

# A queue with more than MAX_READY messages in memory keeps the first READY_WINDOW and reads the others again later.
READY_WINDOW = 500
MAX_READY = 2 * READY_WINDOW

# Of the answer to a peek, which is a single message.
MAX_PEEKED_MESSAGES = 250
MAX_PEEKED_SIZE = 1024 * 1024
MAX_DUE_MESSAGES = 500  # expired or scheduled messages that are handled in one turn of the event loop

TICK_INTERVAL = 1.0  # of the checks for idle connections
SHUTDOWN_TIMEOUT = 0.5  # for the clients to answer a close, and again for the output to be written
CHECKPOINT_INTERVAL = 2.0  # keeps the write-ahead log small
REPORT_INTERVAL = 1.0  # of the file with the number of operations
PRUNE_INTERVAL = 5.0  # of the message ids that duplicate detection remembers
