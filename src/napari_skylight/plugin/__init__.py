"""The targets of the manifest: docks, commands, menus, and the links to viewers."""
