"""`python -m search WORD`: the command line, where `afcl` is not installed."""

from search.cli.app import main

main()
