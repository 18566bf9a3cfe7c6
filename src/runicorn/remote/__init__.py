"""Everything over SSH: connections, environments, sessions, tunnels. Knows nothing of storage or HTTP."""
