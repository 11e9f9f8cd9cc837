"""Live Bluesky plans in napari."""
