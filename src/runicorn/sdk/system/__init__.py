"""What the machine does while a run trains: processor, memory, disk, network, GPUs."""
