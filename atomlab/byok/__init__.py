"""The decision: what the platform does with the evidence, under the platform's own names."""
