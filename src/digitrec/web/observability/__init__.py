"""How the server is: its log, its counts, its probes."""
