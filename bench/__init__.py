"""`make bench`: what a generic runtime costs, measured against hand-written twins in one run.

Absolute times depend on the machine; the ratios, taken in turn within one run, are the result.
"""
