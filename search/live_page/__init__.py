"""The page that `afcl ui` serves on this machine: the searches, each one's report, its trials, their logs."""
