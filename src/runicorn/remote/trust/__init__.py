"""Whom a connection is to: names of servers, their host keys, and the verdict over what they show."""
