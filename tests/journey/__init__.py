"""A return from the customer's phone to the last ledger, in the product as it is started."""
