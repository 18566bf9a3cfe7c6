"""Connections that are shared: opened once, held by whoever needs them, in threads of their own."""
