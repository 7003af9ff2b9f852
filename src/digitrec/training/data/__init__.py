"""Readers of the public data sets that training uses."""
