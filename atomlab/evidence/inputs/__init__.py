"""Files beside the database: prices, registry, catalogue, rules, the worker's environment and log.

May import the ground modules (errors, files, limits, text) and other evidence.
"""
