"""What rn.open_root() opens: folders of this machine, and of hosts over SSH, alone or as one list."""
