"""A complaint whose choices hang on each other, with a task that fills one of them in later."""

from __future__ import annotations

from app.catalog.sources import Sources
from tests.web.pack import sources

FORM = """
form: complaint
label: {zh: 投诉, en: Complaint}
title: "{subject}"
fields:
  subject: {type: text, label: {zh: 主题, en: Subject}, required: true, index: true}
  cause:   {type: choice, label: {zh: 原因, en: Cause}, options: cause}
  detail:  {type: choice, label: {zh: 细分, en: Detail}, options: cause, under: cause}
  deeper:  {type: choice, label: Deeper, options: cause, under: detail, many: true}
  verdict: {type: choice, label: {zh: 认定, en: Verdict}, options: cause, under: cause}
  lines:
    type: lines
    label: {zh: 货品, en: Goods}
    fields:
      item: {type: text, label: {zh: 货品, en: Item}}
      own:  {type: choice, label: {zh: 原因, en: Its cause}, options: cause}
      why:  {type: choice, label: {zh: 细分, en: Its detail}, options: cause, under: own}
      like: {type: choice, label: {zh: 同单, en: As the whole}, options: cause, under: parent.cause}
list: {columns: [subject, cause, detail]}
unique:
  one: {fields: [subject]}
"""
FLOW = """
flow: complaint
stages: {open: {label: Open}, closed: {label: Closed}}
steps:
  fill:
    label: {zh: 填写, en: Fill in}
    stage: open
    task: {by: [{user: created_by}], edit: [subject, cause, detail, deeper, lines]}
    next: {submit: {to: judge, label: {zh: 提交, en: Submit}}}
  judge:
    label: {zh: 认定, en: Judge}
    task: {by: [{role: boss}], edit: [verdict], require: [verdict]}
    next: {judged: {to: over, label: {zh: 认定, en: Judged}}}
  over: {stage: closed, end: done}
"""
IMPORT = """
import: complaints
into: complaint
file: {name: complaints.csv, columns: {subject: text, cause: text, detail: text}}
key: subject
mode: insert
map: {subject: subject, cause: cause, detail: detail}
rejects: complaints_rejected.csv
"""


def cascading() -> Sources:
    """The claims pack with the form of complaints."""
    folder, made = "packs/claims", sources()
    boss = made.files[f"{folder}/roles/boss.yaml"].replace(
        "can:\n", "can:\n  complaint: {actions: [list, read, create, update, import]}\n"
    )
    for path, text in (
        ("forms/complaint", FORM),
        ("flows/complaint", FLOW),
        ("imports/complaints", IMPORT),
        ("roles/boss", boss),
    ):
        made = made.replaced(f"{folder}/{path}.yaml", text)
    return made
