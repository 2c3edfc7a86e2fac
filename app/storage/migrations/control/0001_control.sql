-- The installation's own list: tenants, and when each next has work due (a hint, never the truth).
CREATE TABLE rf_tenant (
  id TEXT NOT NULL PRIMARY KEY,
  label TEXT NOT NULL,
  host TEXT,
  created_at INTEGER NOT NULL,
  closed_at INTEGER,
  next_due INTEGER
)
;;
CREATE UNIQUE INDEX rf_tenant_host ON rf_tenant (host) WHERE host IS NOT NULL
;;
CREATE INDEX rf_tenant_due ON rf_tenant (next_due) WHERE next_due IS NOT NULL
