"""The day, by whose number the sweeps choose their points: after some days a small sweep has met them all."""

from __future__ import annotations

import os
import time

DAY = int(os.environ.get("ARTUI_PROOF_DAY", int(time.time() // 86_400)))
"""Days since 1970. The points of another day are had by ``ARTUI_PROOF_DAY=20420 pytest tests/proof``."""
