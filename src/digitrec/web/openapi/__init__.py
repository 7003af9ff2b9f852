"""OpenAPI 3.1 of the interface, taken from the code that checks requests."""
