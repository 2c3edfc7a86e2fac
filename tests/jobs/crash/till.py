"""A small trade with money in it: asked for, approved, paid out, then a parcel or a deadline."""

from __future__ import annotations

from app.catalog.sources import Sources

GOOD = "correct horse battery"
_ROLE = """
can: {payout: {actions: [list, read, create, update]}}
"""
_FORM = """
form: payout
label: {zh: 付款, en: Payout}
title: "{payee}"
fields:
  payee: {type: text, required: true}
  amount: {type: money, required: true}
  parcel: {type: text}
  reference: {type: text}
  arrived_at: {type: text}
  slip: {type: link, to: slip}
"""
_SLIP = """
form: slip
label: {zh: 凭条, en: Slip}
title: "{payee}"
fields:
  payee: {type: text, required: true}
"""
_PRINT = """
flow: slip
stages: {printed: {label: {zh: 已打印, en: Printed}}}
steps:
  print: {stage: printed, end: printed}
"""
_FLOW = """
flow: payout
stages:
  asked: {label: {zh: 已申请, en: Asked}}
  paying: {label: {zh: 付款中, en: Paying}}
  waiting: {label: {zh: 待收货, en: Waiting}}
  closed: {label: {zh: 完成, en: Closed}}
  expired: {label: {zh: 过期, en: Expired}}
  declined: {label: {zh: 拒绝, en: Declined}}
steps:
  ask: {stage: asked, task: {by: [{user: created_by}], edit: all}, next: {submit: approval}}
  approval:
    approve:
      levels: {boss: {by: [{role: boss}], need: one}}
      if_nobody: [{role: boss}]
    next: {approved: pay, rejected: declined}
  pay:
    stage: paying
    do: {pay: {use: payment.refund, with: {amount: amount}, save: {reference: reference}}}
    next: {done: slip, failed.declined: declined}
  slip: {start: {form: slip, with: {payee: payee}, save: slip, wait: true}, next: {printed: rest}}
  rest:
    stage: waiting
    wait: {for: [carrier.delivered]}
    due: {in: 30d}
    next: {carrier.delivered: closed, late: expired}
  closed: {stage: closed, end: closed}
  expired: {stage: expired, end: expired}
  declined: {stage: declined, end: declined}
"""
_MESSAGE = """
notification: paid
event: payout.stage.waiting
to: [{role: boss}]
channels: [inbox, mail]
text:
  subject: {zh: "已付款 {payee}", en: "Paid {payee}"}
  body: {zh: 已付款, en: Paid}
"""


def sources(bank_url: str, tenant: str, timeout: float = 0.6) -> Sources:
    """The definitions, with the bank at an address."""
    pack = "packs/till"
    return Sources(
        {
            f"{pack}/pack.yaml": "pack: till\nlabel: Till\nversion: '1'\n",
            f"{pack}/roles/clerk.yaml": f"role: clerk\nlabel: Clerk\n{_ROLE}",
            f"{pack}/roles/boss.yaml": f"role: boss\nlabel: Boss\n{_ROLE}admin: [incidents]\n",
            f"{pack}/forms/payout.yaml": _FORM,
            f"{pack}/flows/payout.yaml": _FLOW,
            f"{pack}/forms/slip.yaml": _SLIP,
            f"{pack}/flows/slip.yaml": _PRINT,
            f"{pack}/notifications/paid.yaml": _MESSAGE,
            f"{pack}/connections/bank.yaml": (
                "connection: bank\nlabel: Bank\nplugin: payment_sandbox\n"
                f'settings: {{url: "{bank_url}", timeout: {timeout}}}\n'
                "secrets: {key: bank_key}\nserves: {payment: true}\n"
            ),
            f"{pack}/connections/carrier.yaml": (
                "connection: carrier\nlabel: Carrier\nplugin: carrier_sandbox\n"
                "secrets: {key: carrier_key}\nserves: {carrier: true}\n"
                "events:\n  carrier.delivered:\n    match: {form: payout, field: parcel}\n"
                "    save: {arrived_at: at}\n"
            ),
            f"tenants/{tenant}/tenant.yaml": (
                f"tenant: {tenant}\nlabel: Till\npacks: [till]\nzone: Asia/Shanghai\n"
                "currency: CNY\n"
            ),
        },
        tenant,
    )
