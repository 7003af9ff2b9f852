"""The network: its builders, its file, and running it."""
