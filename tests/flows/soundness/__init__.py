"""Flows held against what can go wrong."""
