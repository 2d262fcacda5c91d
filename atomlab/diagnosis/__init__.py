"""Diagnosis: what follows from the evidence and the decision."""
