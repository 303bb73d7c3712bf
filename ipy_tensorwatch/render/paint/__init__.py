"""Paint text, HTML and SVG."""
