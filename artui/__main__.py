"""``python -m artui``: hands over to the command line."""

import sys

from artui.cli import main

if __name__ == "__main__":
    sys.exit(main())
