"""The journal of what happens in a search, and what is read from it: history, explanations, tables."""
