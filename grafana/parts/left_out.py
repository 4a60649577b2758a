"""Which metrics of the exporter are on no panel, and why?"""

from __future__ import annotations

LEFT_OUT: dict[str, str] = {}
