import sys

from homechain.cli import main

if __name__ == "__main__":
    sys.exit(main())
