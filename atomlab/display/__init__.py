"""Display: how things show themselves, as escaped HTML in Jupyter and as plain text elsewhere.

It knows none of the layers; each of them says in its own `cards` what its objects show.
"""
