"""The command line: a command's flags become a function call, and the call's outcome becomes an exit code."""
