"""A sweep: how far it is, which settings lead, and the best of them again with other seeds."""
