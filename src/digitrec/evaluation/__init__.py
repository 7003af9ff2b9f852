"""Evaluation: labeled datasets, accuracy and calibration metrics, and reports."""
