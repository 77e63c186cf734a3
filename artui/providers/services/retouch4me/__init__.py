"""Retouch4me: what it can do, its provider, and what it says."""
