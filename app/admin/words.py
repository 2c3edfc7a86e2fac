"""What the back office calls acts, ways in, topics and how things stand."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

ACTS = {
    "create": _l("created"),
    "update": _l("changed"),
    "delete": _l("deleted"),
    "amend": _l("amended"),
    "attach": _l("file attached"),
    "detach": _l("file removed"),
    "import": _l("imported"),
    "erase": _l("erased"),
    "act": _l("acted"),
    "claim": _l("task taken"),
    "give_back": _l("task given back"),
    "transfer": _l("handed over"),
    "add_approver": _l("asked as well"),
    "comment": _l("comment"),
    "interrupt": _l("interrupted"),
    "mend": _l("mended"),
    "timer": _l("a time came"),
    "answer": _l("an answer came"),
    "event": _l("an event came"),
    "ended": _l("a record it had started ended"),
    "changed": _l("something it rests on changed"),
    "retry": _l("tried again"),
    "skip": _l("settled"),
    "compensate": _l("taken back"),
}
VIAS = {
    "web": _l("desk"),
    "api": _l("API"),
    "portal": _l("portal"),
    "import": _l("import"),
    "plugin": _l("plugin"),
    "system": _l("the system itself"),
}
SENDING = {
    "ready": _l("to be sent"),
    "running": _l("under way"),
    "waiting": _l("waits for an answer"),
    "done": _l("done"),
    "cancelled": _l("withdrawn"),
    "unknown": _l("nobody knows whether it happened"),
    "dead": _l("given up"),
}
"""How an effect stands."""

STUCK = {
    "stuck": _l("stuck"),
    "dead": _l("given up"),
    "unknown": _l("nobody knows whether it happened"),
    "ready": _l("keeps failing"),
}
"""How an incident stands."""

TOPICS = {
    "portal_code": _l("One-time code for the portal"),
    "notify": _l("Message to somebody"),
    "event": _l("Event from outside"),
    "start": _l("Record to be started"),
    "ended": _l("Word of a record's end"),
    "call": _l("Action of a connection"),
    "record": _l("What follows a change"),
    "changed": _l("Condition to look at again"),
}
"""What effects are, in words; those of plugins go by the name of their topic."""
