"""Run folders as status, curves, tables and masks, for people to look at. Never imports torch."""
