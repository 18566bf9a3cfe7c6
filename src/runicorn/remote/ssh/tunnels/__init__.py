"""Tunnels: interchangeable ways to carry a local connection to a port on the server."""
