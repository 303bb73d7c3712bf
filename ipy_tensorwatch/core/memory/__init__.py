"""Where elements lie in memory: layouts, overlap, alias groups and changed bytes."""
