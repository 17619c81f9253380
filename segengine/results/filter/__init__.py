"""Which runs a person asks for: words and conditions in a small language of our own.

`arch = segformer_b0 and best_miou > 0.6 and not tag = old` is read by `grammar`, with the fields of
`fields`. It is never evaluated as code.
"""

from segengine.results.filter.grammar import parse_filter
from segengine.results.filter.tokens import FilterError

__all__ = ["FilterError", "parse_filter"]
