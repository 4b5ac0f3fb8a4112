"""The page: its sections, figures and leaderboard."""
