"""What a server asks while somebody logs in, and who waits for the answer."""
