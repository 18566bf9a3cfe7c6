"""Tables as text: how they are written, and what their columns are for. Pure."""
