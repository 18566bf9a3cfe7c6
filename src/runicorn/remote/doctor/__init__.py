"""What a server allows, looked at step by step, and said in words."""
