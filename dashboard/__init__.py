"""The dashboard: what a person sees. Never imports torch."""
