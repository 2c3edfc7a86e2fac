"""The same two approvals in SpiffWorkflow, in memory: nothing is stored between the events.

Each is due in two days and then goes to somebody else as well, as in the flow `question`.
"""

from __future__ import annotations

from io import BytesIO

from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

EVENTS = 3
"""A submission and two approvals."""

_FLOW = """\
<sequenceFlow id="{id}" sourceRef="{source}" targetRef="{target}"/>"""
_IF = """\
<sequenceFlow id="{id}" sourceRef="{source}" targetRef="{target}">
 <conditionExpression xsi:type="tFormalExpression">{vote} == 'approved'</conditionExpression>
</sequenceFlow>"""
_DUE = """\
<boundaryEvent id="{step}_late" attachedToRef="{step}" cancelActivity="false">
 <timerEventDefinition>
  <timeDuration xsi:type="tFormalExpression">"P2D"</timeDuration>
 </timerEventDefinition>
</boundaryEvent>
<userTask id="{step}_escalated" name="{step}_escalated"/>
<sequenceFlow id="{step}_hand_over" sourceRef="{step}_late" targetRef="{step}_escalated"/>
<sequenceFlow id="{step}_instead" sourceRef="{step}_escalated" targetRef="{step}_gate"/>"""
_BPMN = "\n".join(
    [
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"',
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="all" targetNamespace="bench">',
        '<process id="request" isExecutable="true">',
        '<startEvent id="start"/><endEvent id="granted"/><endEvent id="refused"/>',
        '<userTask id="first" name="first"/><userTask id="second" name="second"/>',
        '<exclusiveGateway id="first_gate" default="no_first"/>',
        '<exclusiveGateway id="second_gate" default="no_second"/>',
        _FLOW.format(id="go", source="start", target="first"),
        _FLOW.format(id="voted_first", source="first", target="first_gate"),
        _IF.format(id="yes_first", source="first_gate", target="second", vote="first"),
        _FLOW.format(id="no_first", source="first_gate", target="refused"),
        _FLOW.format(id="voted_second", source="second", target="second_gate"),
        _IF.format(id="yes_second", source="second_gate", target="granted", vote="second"),
        _FLOW.format(id="no_second", source="second_gate", target="refused"),
        _DUE.format(step="first"),
        _DUE.format(step="second"),
        "</process></definitions>",
    ]
)


def compiled() -> object:
    """The process, parsed once."""
    parser = BpmnParser()
    parser.add_bpmn_io(BytesIO(_BPMN.encode()))
    return parser.get_spec("request")


def one_case(spec: object) -> None:
    """Submit, and approve twice. Raises SystemExit where it does not end."""
    workflow = BpmnWorkflow(spec)
    workflow.do_engine_steps()
    for name in ("first", "second"):
        task = next(iter(workflow.get_tasks(state=TaskState.READY, spec_name=name)))
        task.data[name] = "approved"
        task.run()
        workflow.do_engine_steps()
    if not workflow.completed:
        raise SystemExit("the twin did not come to its end")
