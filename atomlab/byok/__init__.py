"""The decision: what the platform does with the evidence, under the platform's own names.

May import evidence.
"""

from __future__ import annotations

import logging

# A library leaves it to its user where log lines go.
logging.getLogger("atomlab").addHandler(logging.NullHandler())
