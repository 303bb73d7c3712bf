"""Origins: the statement after which two access paths were one memory."""
