"""The nodes that clients attach to: what a link's address stands for, between the wire and the broker."""
