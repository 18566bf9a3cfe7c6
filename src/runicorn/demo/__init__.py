"""The demo: sample runs, a server to connect to inside the process, and nothing left behind."""
