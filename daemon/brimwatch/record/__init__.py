"""What is told of all that happens? Here only: what has to be so before a module of the package is imported."""

from __future__ import annotations

from brimwatch.record.lean import load_prometheus

load_prometheus()
