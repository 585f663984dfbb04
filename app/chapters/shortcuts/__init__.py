"""Shortcut connections."""
