"""The report of a search, as an HTML page: its sections, figures and leaderboard."""
