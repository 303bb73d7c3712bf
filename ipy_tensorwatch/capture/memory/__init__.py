"""Read, write and digest bytes of memory."""
