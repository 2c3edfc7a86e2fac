"""The runtime: loads definitions, keeps records, answers people and programs."""
