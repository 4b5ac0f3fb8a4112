"""`python -m search COMMAND`: the same command line as `afcl`, also where `afcl` is not installed."""

from search.cli.app import main

main()
