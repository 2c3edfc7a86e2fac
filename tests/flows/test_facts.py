"""What the engine asks for, and how often."""

from __future__ import annotations
