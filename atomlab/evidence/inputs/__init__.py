"""Files beside the database: prices, registry, catalogue, rules, the worker's environment.

May import the ground floor (errors, files, text) and other evidence.
"""
