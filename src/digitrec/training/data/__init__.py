"""Load the data sets."""
