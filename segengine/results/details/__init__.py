"""One run in full: its scores per class, what it takes on disk, the images worth a look."""
