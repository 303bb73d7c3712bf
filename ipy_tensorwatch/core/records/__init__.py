"""The frozen records: readings, snapshots, changes, hazards and answers."""
