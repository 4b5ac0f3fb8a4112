"""Ray: its connection, its jobs, and the nodes that trials run on."""
