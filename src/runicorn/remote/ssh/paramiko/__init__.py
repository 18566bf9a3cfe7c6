"""The connection, carried by Paramiko: host key first, then login, then commands and files."""

from runicorn.remote.ssh.paramiko.connection import ParamikoConnection, connect

__all__ = ["ParamikoConnection", "connect"]
