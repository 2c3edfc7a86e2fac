"""The request as a process of its own."""

from __future__ import annotations

from django.db import models
from viewflow.workflow.models import Process


class Request(Process):
    """A request with six fields and what two people said of it."""

    party = models.CharField(max_length=100)
    reference = models.CharField(max_length=40)
    channel = models.CharField(max_length=20, choices=[("desk", "Desk"), ("phone", "Phone")])
    amount = models.DecimalField(max_digits=14, decimal_places=4)
    due_on = models.DateField()
    note = models.TextField(blank=True)
    first = models.BooleanField(default=False)
    second = models.BooleanField(default=False)

    class Meta:
        app_label = "viewflow_twin"
