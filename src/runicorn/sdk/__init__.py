"""What a training script touches. Imports nothing heavy, and never raises into training once a run is open."""
