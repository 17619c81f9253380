"""`python -m segengine <command>`."""

import sys

from segengine.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
