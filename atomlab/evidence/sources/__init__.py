"""Databases that a snapshot is captured from: PostgreSQL and SQLite, only ever read.

May import the ground modules (errors, files, limits, text) and other evidence.
"""
