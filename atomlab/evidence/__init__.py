"""What was true: the snapshot file, its manifest and seal, redaction; sources and inputs.

May import only the ground modules: errors, files, limits, text, shown.
"""
