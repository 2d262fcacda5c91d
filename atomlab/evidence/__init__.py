"""Evidence: what was true. Snapshots, capture, redaction, prices, registry, rules."""
