"""A load generator of our own: a closed loop of users, or an open loop by a schedule."""
