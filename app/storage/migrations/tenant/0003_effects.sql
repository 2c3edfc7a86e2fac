-- Which connection an effect went out by, and whether an attempt may have happened of which nobody
-- knows ("doubt"): then it is asked about before anything else.
ALTER TABLE rf_outbox ADD COLUMN connection TEXT
;;
ALTER TABLE rf_outbox ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0
;;
DROP INDEX rf_outbox_due
;;
CREATE INDEX rf_outbox_due ON rf_outbox (due_at) WHERE status IN ('ready', 'running', 'unknown')
;;
CREATE INDEX rf_outbox_trouble ON rf_outbox (created_at) WHERE status IN ('dead', 'unknown')
