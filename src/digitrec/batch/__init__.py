"""Batch inference: recognize thousands of images from folders, archives and lists, and write one file of results."""
