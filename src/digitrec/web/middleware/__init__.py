"""Checks before every view: trusted proxies, CORS, API keys, rate limits; and the headers of every response."""
