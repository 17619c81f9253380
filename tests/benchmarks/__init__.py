"""Measurements against peers. Run them with `make bench`; none is part of the test suite."""
