"""Several runs from one form: the fields that are varied, and what the runs cost."""
