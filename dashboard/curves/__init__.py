"""Curves: loss and mIoU of the chosen runs, live."""
