"""`python -m sdalgo` and the `sdalgo` command."""

import sys

from sdalgo.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
