"""Databases that a snapshot is captured from: PostgreSQL and SQLite, only ever read.

May import the ground floor (errors, files, text) and other evidence.
"""
