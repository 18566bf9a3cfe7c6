"""Ports of 127.0.0.1 and ::1: listening on both, who made a connection, and letting in only this Unix user."""
