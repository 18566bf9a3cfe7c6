"""Reading a folder of a host by SFTP alone: the client, the steps of each question, and the packets."""
