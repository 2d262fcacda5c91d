"""Capture: a redacted copy of a platform database, proven to decide as its source.

May import evidence and byok.
"""
