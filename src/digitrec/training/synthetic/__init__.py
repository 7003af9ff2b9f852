"""Generate synthetic training data: digits, non-digits, numbers and lines."""
