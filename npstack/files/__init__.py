"""Files that are written completely or not at all, and read without trust."""
