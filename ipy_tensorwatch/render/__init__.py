"""Paint: text, HTML and JSON from a report. The only place that escapes."""
