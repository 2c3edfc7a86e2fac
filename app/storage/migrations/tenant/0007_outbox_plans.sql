-- What is in trouble counts the effects that keep failing, too: its condition word for word, or
-- neither database takes the index. What is done is found by its age when it is forgotten.
DROP INDEX rf_outbox_trouble
;;
CREATE INDEX rf_outbox_trouble ON rf_outbox (created_at)
WHERE (status IN ('dead', 'unknown') OR (status = 'ready' AND attempts >= 3))
;;
CREATE INDEX rf_outbox_over ON rf_outbox (done_at) WHERE status IN ('done', 'cancelled')
