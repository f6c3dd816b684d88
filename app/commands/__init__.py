"""The operator's commands: thin doors, as routes are, that say in words what went wrong."""
