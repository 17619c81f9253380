"""One run on disk: its folder, its event log, what it started from. Never imports torch."""
