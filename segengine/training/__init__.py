"""The life of a run: session, components, trainer, step."""
