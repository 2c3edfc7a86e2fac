"""Connectors, one folder each.

A plugin imports the hook signatures of `app.hooks` and nothing else of ours.
"""
