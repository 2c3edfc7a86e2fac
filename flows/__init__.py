"""The flow engine's room: pure like `forms`, which it may import."""
