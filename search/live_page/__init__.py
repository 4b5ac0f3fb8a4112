"""The page that `afcl ui` serves on this machine: the searches, with their reports, trials and logs."""
