"""The connection, carried by the system's `ssh`, which knows more logins; the verdict and the questions are ours."""

from runicorn.remote.ssh.system.connecting import BySsh, connect
from runicorn.remote.ssh.system.connection import SystemConnection

__all__ = ["BySsh", "SystemConnection", "connect"]
