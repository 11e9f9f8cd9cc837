"""What the manifest points to: docks, commands, menus, and the links to viewers."""
