"""The records everything else is about: what states there are, and a job. Pure data, no input or output."""

SCHEMA = 1
"""The version of what ``--json`` prints; it rises when a field goes or means something else, never for a new one."""
