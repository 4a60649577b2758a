"""What does `python -m brimwatch` do? The same as the command."""

import sys

from brimwatch.cli.main import main

sys.exit(main())
