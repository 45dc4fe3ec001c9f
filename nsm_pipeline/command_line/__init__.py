"""The command line: its commands, its console, and the names and moments it understands."""
