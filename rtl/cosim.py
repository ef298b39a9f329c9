"""`python rtl/cosim.py WORKLOAD --layer L`: what `archsim cosim` does, from a checkout.

How layers become stimuli and how results are compared stands in archsim/analysis/cosim.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from archsim.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["cosim", *sys.argv[1:]]))
