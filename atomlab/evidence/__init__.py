"""What was true: the snapshot file, its manifest and seal, redaction; sources and inputs.

May import the ground floor alone: errors, files, text, shown.
"""
