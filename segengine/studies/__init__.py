"""Sweeps: named sets of runs with a question. Nothing here imports torch.

A sweep is planned (`plan`), written to disk (`sweepdir`), and worked off by one coordinator process
(`coordinator`), which starts each run in a process of its own. Its state is decided from disk.
"""
