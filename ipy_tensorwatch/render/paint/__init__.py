"""Write pages as text, HTML and SVG."""
