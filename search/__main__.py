"""`python -m search WORD`: the command line if `afcl` is not installed."""

from search.cli.app import main

main()
