"""Timed comparisons, run by hand or by `make bench`, never as a timed test."""
