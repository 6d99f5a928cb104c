"""The embedded default: a small multimodal model assembled from two pinned packages."""
