"""The services: one folder each, found by its name."""
