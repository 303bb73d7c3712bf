"""One view of many processes on ipyparallel: what runs on each engine, and the client that joins their reports."""
