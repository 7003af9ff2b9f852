"""Makes training data: writers, numbers, lines of ink, and paper."""
