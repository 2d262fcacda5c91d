"""Postmortems: what the findings prove, what people add, and what is still to be written."""
