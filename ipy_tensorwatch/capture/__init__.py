"""The only room that touches a live tensor: walking, reading, fingerprints and recorders."""
