"""gunicorn with waitress workers: options, hooks, the worker and its connection rules."""
