"""What a terminal shows: the live table, tables, the summary."""
