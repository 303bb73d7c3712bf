"""One cell as it runs: recording, freezing, evidence and hazards."""
