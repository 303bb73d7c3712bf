"""Text, HTML and JSON of a report. All escaping happens here."""
