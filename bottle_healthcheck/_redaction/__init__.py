"""Secrets out of plain data."""
