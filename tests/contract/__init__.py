"""Servers written from the services' documents alone, each with its own ledger, and artui's command line against them."""
