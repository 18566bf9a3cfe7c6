"""What a person calls a server, and the way there that it stands for. Imports `trust/` only."""
