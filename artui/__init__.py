"""The version of artui, nothing else."""

__version__ = "0.1.0"
