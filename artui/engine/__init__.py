"""The one process that moves jobs: what it does for each account, being that process, and finding or starting it."""
