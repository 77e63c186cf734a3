"""Servers written from the documents alone, each with its own ledger, and artui's command line against them."""
