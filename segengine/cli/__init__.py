"""The command line: all that the dashboard does, without it. A file a group of commands."""
