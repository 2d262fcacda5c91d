"""What follows from the evidence and the decision: causes, fix sets, trials, verdicts, SQL.

May import evidence and byok.
"""
