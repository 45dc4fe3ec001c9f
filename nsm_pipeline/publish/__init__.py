"""What a reviewer sees of a run: one offline page, a paragraph for chat, a terminal table."""
