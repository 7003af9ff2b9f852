"""gunicorn's processes: how many, how they start and stop, and how they speak HTTP."""
