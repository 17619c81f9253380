"""The command line: all that the dashboard does, without it. One file per group of commands.

Each command is a function; tyro makes its flags and help from the signature and the docstring. Exit
codes: 0 done, 1 failed, 2 wrong usage (one sentence per problem on stderr, nothing was changed).
"""
