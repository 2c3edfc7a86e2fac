"""Telling people: who hears of an event, in which words, by which way.

Nothing here knows the use cases above it: rows, linked values and the time come in as arguments.
"""
