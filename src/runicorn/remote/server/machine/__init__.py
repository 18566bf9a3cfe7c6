"""What a machine has to offer: its GPUs, memory, load, disks and jobs, told while somebody looks."""
