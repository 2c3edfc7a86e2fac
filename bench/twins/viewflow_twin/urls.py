"""The flow and its addresses."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from viewflow import this
from viewflow.urls import Site
from viewflow.workflow import flow
from viewflow.workflow.flow import views

from bench.twins.viewflow_twin.models import Request

LIMIT = 500
FIELDS = ["party", "reference", "channel", "amount", "due_on", "note"]


class RequestFlow(flow.Flow):
    """Small amounts pass; others need two people."""

    process_class = Request

    start = flow.Start(views.CreateProcessView.as_view(fields=FIELDS)).Next(this.gate)
    gate = flow.If(lambda act: act.process.amount > LIMIT).Then(this.first).Else(this.end)
    first = (
        flow.View(views.UpdateProcessView.as_view(fields=["first"]))
        .Assign(username="clerk")
        .Next(this.agreed)
    )
    agreed = flow.If(lambda act: act.process.first).Then(this.second).Else(this.end)
    second = (
        flow.View(views.UpdateProcessView.as_view(fields=["second"]))
        .Assign(username="clerk")
        .Next(this.end)
    )
    end = flow.End()


site = Site(title="Requests", viewsets=[flow.FlowAppViewset(RequestFlow)])


def health(_request: HttpRequest) -> HttpResponse:
    """Whether it is up."""
    return HttpResponse("ok")


urlpatterns = [path("healthz", health), path("", site.urls)]
