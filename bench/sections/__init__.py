"""One module a section: `run(lab)` measures and gives the figures."""
