"""Launch: the form that starts a run."""
