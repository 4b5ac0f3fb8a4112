"""What a terminal or a notebook shows: the live table, tables, the summary."""
