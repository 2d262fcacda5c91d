"""Notebooks run into reports: parameters, kernels, pages, batches, JupyterLab.

May import every layer up to show; nothing but the commands imports it.
"""
