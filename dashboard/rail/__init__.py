"""The list of runs at the left of the pages that show some of them."""
