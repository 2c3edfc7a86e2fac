"""A claim written through peewee models: insert, insert_many, on_conflict, in one `atomic`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from peewee import (
    EXCLUDED,
    BigIntegerField,
    BlobField,
    CompositeKey,
    Database,
    Model,
    SqliteDatabase,
    TextField,
)

from bench.twins.claim import (
    GENESIS,
    Claim,
    TooMany,
    chain,
    changes,
    complete,
    keep_until,
    micros,
    moves,
)
from forms.values import new_id


class Party(Model):
    """The rows a claim links to."""

    id = BigIntegerField(primary_key=True)
    c_name = TextField(null=True)
    deleted = BigIntegerField(default=0)

    class Meta:
        table_name = "f_party"


class Sale(Model):
    """A sale."""

    id = BigIntegerField(primary_key=True)
    c_party = BigIntegerField(null=True)
    deleted = BigIntegerField(default=0)

    class Meta:
        table_name = "f_sale"


class SaleLine(Model):
    """A line of a sale."""

    id = BigIntegerField(primary_key=True)
    record_id = BigIntegerField()
    c_item = BigIntegerField(null=True)
    c_price = BigIntegerField(null=True)

    class Meta:
        table_name = "f_sale__lines"


class ClaimRow(Model):
    """A claim."""

    id = BigIntegerField(primary_key=True)
    number = TextField(null=True)
    title = TextField(null=True)
    stage = TextField(null=True)
    version = BigIntegerField()
    release_no = BigIntegerField()
    currency = TextField(null=True)
    journal_seq = BigIntegerField()
    journal_head = BlobField(null=True)
    created_at = BigIntegerField()
    created_by = BigIntegerField(null=True)
    updated_at = BigIntegerField()
    updated_by = BigIntegerField(null=True)
    deleted = BigIntegerField(default=0)
    c_channel = TextField(null=True)
    c_contact = TextField(null=True)
    c_country = TextField(null=True)
    c_currency = TextField(null=True)
    c_due_on = BigIntegerField(null=True)
    c_note = TextField(null=True)
    c_party = BigIntegerField(null=True)
    c_pieces = BigIntegerField(null=True)
    c_received_at = BigIntegerField(null=True)
    c_reference = TextField(null=True)
    c_total = BigIntegerField(null=True)
    c_urgent = BigIntegerField(null=True)

    class Meta:
        table_name = "f_claim"


class ClaimLine(Model):
    """A line of a claim."""

    id = BigIntegerField(primary_key=True)
    record_id = BigIntegerField()
    position = BigIntegerField()
    c_amount = BigIntegerField(null=True)
    c_item = BigIntegerField(null=True)
    c_price = BigIntegerField(null=True)
    c_quantity = BigIntegerField(null=True)
    c_reason = TextField(null=True)
    c_sale_line = BigIntegerField(null=True)
    c_verdict = TextField(null=True)

    class Meta:
        table_name = "f_claim__lines"


class Sequence(Model):
    """Counters of record numbers."""

    name = TextField()
    period = TextField()
    value = BigIntegerField()

    class Meta:
        table_name = "rf_sequence"
        primary_key = CompositeKey("name", "period")


class Idempotency(Model):
    """Answers kept under their keys."""

    scope = TextField()
    key = TextField()
    request_hash = TextField()
    form = TextField()
    record_id = BigIntegerField()
    result = TextField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "rf_idempotency"
        primary_key = CompositeKey("scope", "key")


class Due(Model):
    """What has to be done with a record later."""

    id = BigIntegerField(primary_key=True)
    form = TextField()
    record_id = BigIntegerField()
    kind = TextField()
    rule = TextField()
    due_at = BigIntegerField()

    class Meta:
        table_name = "rf_due"


class Aggregate(Model):
    """Sums that are kept."""

    aggregate = TextField()
    key = BigIntegerField()
    m0 = BigIntegerField(default=0)
    m1 = BigIntegerField(default=0)

    class Meta:
        table_name = "rf_aggregate"
        primary_key = CompositeKey("aggregate", "key")


class Journal(Model):
    """The journal's entries."""

    form = TextField()
    record_id = BigIntegerField()
    seq = BigIntegerField()
    at = BigIntegerField()
    actor = BigIntegerField(null=True)
    actor_name = TextField()
    via = TextField()
    act = TextField()
    release_no = BigIntegerField()
    changes = TextField()
    prev = BlobField()
    hash = BlobField()

    class Meta:
        table_name = "rf_journal"
        primary_key = CompositeKey("form", "record_id", "seq")


class Outbox(Model):
    """Effects to carry out."""

    id = BigIntegerField(primary_key=True)
    once = TextField()
    topic = TextField()
    form = TextField()
    record_id = BigIntegerField()
    payload = TextField()
    status = TextField()
    attempts = BigIntegerField()
    due_at = BigIntegerField()
    fence = BigIntegerField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "rf_outbox"


MODELS = (
    Party,
    Sale,
    SaleLine,
    ClaimRow,
    ClaimLine,
    Sequence,
    Idempotency,
    Due,
    Aggregate,
    Journal,
    Outbox,
)


def bind(database: Database) -> None:
    """Let the models speak to this database."""
    database.bind(MODELS, bind_refs=False, bind_backrefs=False)


def facts(claim: Claim) -> None:
    """Read what the claim's rows depend on and work them out. Raises Wrong."""
    party = Party.get_or_none(Party.id == claim.party, Party.deleted == 0)
    ids = [line.sale_line for line in claim.lines]
    sold = (
        SaleLine.select(SaleLine.id, SaleLine.c_item, SaleLine.c_price, Sale.c_party)
        .join(Sale, on=(Sale.id == SaleLine.record_id) & (Sale.deleted == 0))
        .where(SaleLine.id.in_(ids))
        .tuples()
    )
    complete(claim, None if party is None else party.c_name, {row[0]: row[1:] for row in sold})


def write(database: Database, claim: Claim, actor: int, name: str, key: str, asked: str) -> None:
    """All rows of one claim in one transaction. Raises TooMany, and peewee's own errors."""
    now = datetime.now(UTC)
    at = micros(now)
    with _transaction(database):
        drawn = (
            Sequence.insert(name="claim", period=f"{now:%Y-%m}", value=1)
            .on_conflict(
                conflict_target=[Sequence.name, Sequence.period],
                update={Sequence.value: Sequence.value + 1},
            )
            .returning(Sequence.value)
            .tuples()
            .execute()
        )
        number = f"C-{now:%Y%m}-{next(iter(drawn))[0]:06}"
        title = f"{number} · {claim.party_name}"
        saved = {"id": claim.id, "number": number, "title": title, "version": 1}
        text = changes(claim, number, title)
        entry = ["claim", claim.id, 1, at, actor, name, "api", "create", 1]
        digest = chain(GENESIS, entry, text)
        Idempotency.insert(
            scope=f"{actor}:api",
            key=key,
            request_hash=asked,
            form="claim",
            record_id=claim.id,
            result=json.dumps(saved),
            created_at=at,
        ).execute()
        ClaimRow.insert(**_claim(claim, number, title, digest, at, actor)).execute()
        ClaimLine.insert_many(
            [
                {
                    "id": line.id,
                    "record_id": claim.id,
                    "position": position,
                    "c_amount": line.amount,
                    "c_item": line.item,
                    "c_price": line.price,
                    "c_quantity": line.quantity,
                    "c_reason": line.reason,
                    "c_sale_line": line.sale_line,
                    "c_verdict": line.verdict,
                }
                for position, line in enumerate(claim.lines)
            ]
        ).execute()
        Due.insert(
            id=new_id(),
            form="claim",
            record_id=claim.id,
            kind="keep",
            rule="",
            due_at=keep_until(now.date()),
        ).execute()
        _move(claim)
        Journal.insert(
            form="claim",
            record_id=claim.id,
            seq=1,
            at=at,
            actor=actor,
            actor_name=name,
            via="api",
            act="create",
            release_no=1,
            changes=text,
            prev=GENESIS,
            hash=digest,
        ).execute()
        Outbox.insert(
            id=new_id(),
            once=f"claim:{claim.id}:1",
            topic="record",
            form="claim",
            record_id=claim.id,
            payload=json.dumps({"act": "create", "seq": 1, "release": 1, "at": at}),
            status="ready",
            attempts=0,
            due_at=at,
            fence=0,
            created_at=at,
        ).execute()


def _transaction(database: Database) -> Any:
    if isinstance(database, SqliteDatabase):
        return database.atomic("IMMEDIATE")
    return database.atomic()


def _claim(
    claim: Claim, number: str, title: str, digest: bytes, at: int, actor: int
) -> dict[str, Any]:
    return {
        "id": claim.id,
        "number": number,
        "title": title,
        "version": 1,
        "release_no": 1,
        "currency": claim.currency,
        "journal_seq": 1,
        "journal_head": digest,
        "created_at": at,
        "created_by": actor,
        "updated_at": at,
        "updated_by": actor,
        "deleted": 0,
        "c_channel": claim.channel,
        "c_contact": claim.contact,
        "c_country": claim.country,
        "c_currency": claim.currency,
        "c_due_on": claim.due_on,
        "c_note": claim.note,
        "c_party": claim.party,
        "c_pieces": claim.pieces,
        "c_received_at": claim.received_at,
        "c_reference": claim.reference,
        "c_total": claim.total,
        "c_urgent": int(claim.urgent),
    }


def _move(claim: Claim) -> None:
    steps = [
        {"aggregate": name, "key": key, "m0": first, "m1": second}
        for name, key, first, second in moves(claim)
    ]
    moved = (
        Aggregate.insert_many(steps)
        .on_conflict(
            conflict_target=[Aggregate.aggregate, Aggregate.key],
            update={
                Aggregate.m0: Aggregate.m0 + EXCLUDED.m0,
                Aggregate.m1: Aggregate.m1 + EXCLUDED.m1,
            },
        )
        .returning(Aggregate.aggregate, Aggregate.m0, Aggregate.m1)
        .tuples()
        .execute()
    )
    if any(name == "claimable" and claimed > sold for name, sold, claimed in moved):
        raise TooMany
