"""AutoRetouch: what it can do, its provider, and what it says."""
