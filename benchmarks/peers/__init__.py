"""Other trackers, each as this project's benchmarks use it; run in environments of their own, never imported by it."""
