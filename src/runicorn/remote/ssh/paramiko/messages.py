"""Channel messages that Paramiko does not send by itself."""

from __future__ import annotations

import paramiko
from paramiko.common import cMSG_CHANNEL_WINDOW_ADJUST


def widen_window(channel: paramiko.Channel, size: int) -> None:
    """Let the server send `size` bytes more, as Paramiko does for what is read. Raises OSError if it is gone.

    In another thread than the transport's it may wait while new keys are agreed on.
    """
    transport = channel.transport
    if channel.closed or channel.eof_received or transport is None:
        return
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_WINDOW_ADJUST)
    message.add_int(channel.remote_chanid)
    message.add_int(size)
    try:
        transport._send_user_message(message)  # type: ignore[attr-defined]  # not in the stubs
    except paramiko.SSHException as error:
        raise OSError(str(error)) from error
