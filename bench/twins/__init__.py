"""What a good engineer would write by hand for the one form that is measured.

They write the same rows into the same tables, with the same guarantees: one transaction, a number
without repeats, an idempotency key, aggregates that refuse, a hash-chained journal, an outbox row
and a due date. What they lack is what is generic: definitions, releases, rights by field and row.
"""
