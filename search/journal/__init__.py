"""The journal, which is the truth, and what it tells: history, explanations, tables."""
