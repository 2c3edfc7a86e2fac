"""The form engine: definitions in, frozen forms and checked values out.

Pure: it knows no web framework, no database, no clock and no network. Whatever it needs to know
about the world (linked records, the time, who asks) is handed to it as plain values.
"""
