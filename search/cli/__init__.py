"""The command line: flags become a call, and its end becomes an exit code."""
