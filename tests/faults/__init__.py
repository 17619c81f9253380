"""Damaged run folders and logs, made by the thousand: whatever is damaged, all else is shown."""
