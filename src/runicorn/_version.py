"""The version of this package, readable without importing it."""

__version__ = "0.8.0"
