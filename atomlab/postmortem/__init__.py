"""Postmortems: what the findings prove, what people add, and what is still to be written.

May import every layer up to show; nothing but the commands imports it.
"""
