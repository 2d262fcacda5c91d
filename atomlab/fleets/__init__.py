"""All tenants of a snapshot: who is affected, by which cause, and what would cure them.

May import evidence, byok and diagnosis.
"""
