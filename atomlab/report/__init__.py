"""Report: how it is told. Tables and figures for notebooks, and notebooks run into reports."""
