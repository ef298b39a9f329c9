"""`python -m archsim` and the `archsim` command."""

import sys

from archsim.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
