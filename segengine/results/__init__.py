"""Run folders as status, series, tables and masks for people to look at. Never imports torch."""
