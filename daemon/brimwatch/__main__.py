"""What does `python -m brimwatch` do? The same as the command."""

from __future__ import annotations

import sys

from brimwatch.cli.main import main

sys.exit(main())
