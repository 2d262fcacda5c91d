"""Files beside the database: prices, registry, catalogue, rules, the worker's environment.

May import the ground modules (errors, files, limits, text) and other evidence.
"""
