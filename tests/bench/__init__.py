"""Speed and size, measured: every figure is a ratio within one run, an exact count, or CPU time."""
