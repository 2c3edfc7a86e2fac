-- Times are integer microseconds UTC, ids our own 63-bit integers, hashes SHA-256.
CREATE TABLE rf_release (
  no INTEGER PRIMARY KEY NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  content BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  created_by INTEGER,
  note TEXT
)
;;
CREATE TABLE rf_state (
  one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
  epoch INTEGER NOT NULL,
  release_no INTEGER NOT NULL
)
;;
CREATE TABLE rf_column (
  form TEXT NOT NULL,
  lines TEXT NOT NULL DEFAULT '',
  field TEXT NOT NULL,
  column_name TEXT NOT NULL,
  table_name TEXT NOT NULL,
  type_id TEXT NOT NULL,
  storage TEXT NOT NULL,
  scale INTEGER NOT NULL,
  root TEXT NOT NULL,
  first_release INTEGER NOT NULL,
  last_release INTEGER,
  dropped_at INTEGER
)
;;
CREATE TABLE rf_aggregate_set (
  name TEXT PRIMARY KEY NOT NULL,
  aggregate TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  first_release INTEGER NOT NULL,
  stale INTEGER NOT NULL DEFAULT 0,
  dropped_at INTEGER
)
;;
CREATE TABLE rf_publish (
  id INTEGER PRIMARY KEY NOT NULL,
  release_no INTEGER NOT NULL,
  from_release INTEGER NOT NULL,
  phase TEXT NOT NULL,
  step INTEGER NOT NULL,
  detail TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER
)
;;
CREATE TABLE rf_anchor (
  no INTEGER PRIMARY KEY NOT NULL,
  at INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  root BLOB NOT NULL,
  prev BLOB NOT NULL,
  hash BLOB NOT NULL,
  heads TEXT
)
;;
CREATE TABLE rf_aggregate (
  aggregate TEXT NOT NULL,
  key INTEGER NOT NULL,
  m0 INTEGER NOT NULL DEFAULT 0,
  m1 INTEGER NOT NULL DEFAULT 0,
  m2 INTEGER NOT NULL DEFAULT 0,
  m3 INTEGER NOT NULL DEFAULT 0,
  m4 INTEGER NOT NULL DEFAULT 0,
  m5 INTEGER NOT NULL DEFAULT 0,
  m6 INTEGER NOT NULL DEFAULT 0,
  m7 INTEGER NOT NULL DEFAULT 0,
  currency TEXT,
  PRIMARY KEY (aggregate, key)
)
;;
CREATE TABLE rf_sequence (
  name TEXT NOT NULL,
  period TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (name, period)
)
;;
CREATE TABLE rf_idempotency (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  form TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  result TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
)
;;
CREATE TABLE rf_outbox (
  id INTEGER PRIMARY KEY NOT NULL,
  once TEXT NOT NULL UNIQUE,
  topic TEXT NOT NULL,
  form TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  payload TEXT NOT NULL,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL,
  lease_until INTEGER,
  fence INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  done_at INTEGER
)
;;
CREATE TABLE rf_due (
  id INTEGER PRIMARY KEY NOT NULL,
  form TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  rule TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  done_at INTEGER,
  UNIQUE (form, record_id, kind, rule)
)
;;
CREATE TABLE rf_attachment (
  id INTEGER PRIMARY KEY NOT NULL,
  form TEXT NOT NULL,
  record_id INTEGER,
  field TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  name TEXT NOT NULL,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  created_by INTEGER,
  deleted_at INTEGER
)
;;
CREATE TABLE rf_user (
  id INTEGER PRIMARY KEY NOT NULL,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  email TEXT,
  password TEXT,
  department_id INTEGER,
  manager_id INTEGER,
  lang TEXT,
  active INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
)
;;
CREATE TABLE rf_department (
  id INTEGER PRIMARY KEY NOT NULL,
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  parent_id INTEGER,
  head_id INTEGER
)
;;
CREATE TABLE rf_user_role (
  user_id INTEGER NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (user_id, role)
)
;;
CREATE TABLE rf_token (
  id INTEGER PRIMARY KEY NOT NULL,
  user_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER,
  revoked_at INTEGER
)
;;
CREATE TABLE rf_session (
  id TEXT PRIMARY KEY NOT NULL,
  user_id INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ip TEXT,
  agent TEXT
)
;;
CREATE TABLE rf_attempt (
  bucket TEXT NOT NULL,
  "window" INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (bucket, "window")
)
;;
CREATE TABLE rf_import (
  id INTEGER PRIMARY KEY NOT NULL,
  import_id TEXT NOT NULL,
  file_hash TEXT NOT NULL,
  position INTEGER NOT NULL,
  accepted INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  detail TEXT
)
;;
-- The journal knows the order in which its entries became visible: the row's own number on SQLite,
-- the transaction on PostgreSQL. Publishing finds by it what changed while it was filling columns.
-- only sqlite
CREATE TABLE rf_journal (
  form TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor INTEGER,
  actor_name TEXT NOT NULL,
  via TEXT NOT NULL,
  act TEXT NOT NULL,
  release_no INTEGER NOT NULL,
  changes TEXT NOT NULL,
  prev BLOB NOT NULL,
  hash BLOB NOT NULL,
  anchor_no INTEGER,
  PRIMARY KEY (form, record_id, seq)
)
-- only postgres
CREATE TABLE rf_journal (
  form TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor INTEGER,
  actor_name TEXT NOT NULL,
  via TEXT NOT NULL,
  act TEXT NOT NULL,
  release_no INTEGER NOT NULL,
  changes TEXT NOT NULL,
  prev BLOB NOT NULL,
  hash BLOB NOT NULL,
  anchor_no INTEGER,
  tx INTEGER NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
  PRIMARY KEY (form, record_id, seq)
)
;;
CREATE INDEX rf_journal_tx ON rf_journal USING brin (tx) WITH (pages_per_range = 8, autosummarize = on)
;;
-- A writer's first statement: takes the shared publish lock, then reads the state. In one plain
-- SELECT the row would be read as it was before the wait for the lock.
CREATE FUNCTION rf_enter(OUT epoch BIGINT, OUT release_no BIGINT) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared({lock_key});
  SELECT s.epoch, s.release_no INTO epoch, release_no FROM rf_state AS s WHERE s.one = 1;
END $$
-- both
;;
CREATE INDEX rf_journal_unanchored ON rf_journal (at) WHERE anchor_no IS NULL
;;
CREATE INDEX rf_journal_anchor ON rf_journal (anchor_no)
;;
CREATE INDEX rf_column_form ON rf_column (form, first_release)
;;
CREATE INDEX rf_outbox_due ON rf_outbox (due_at) WHERE status IN ('ready', 'running')
;;
CREATE INDEX rf_outbox_record ON rf_outbox (form, record_id)
;;
CREATE INDEX rf_due_open ON rf_due (due_at) WHERE done_at IS NULL
;;
CREATE INDEX rf_attachment_record ON rf_attachment (form, record_id)
;;
CREATE INDEX rf_attachment_sha ON rf_attachment (sha256)
;;
CREATE INDEX rf_token_user ON rf_token (user_id)
;;
CREATE INDEX rf_session_user ON rf_session (user_id)
;;
CREATE INDEX rf_session_expiry ON rf_session (expires_at)
;;
CREATE INDEX rf_attempt_window ON rf_attempt ("window")
;;
CREATE INDEX rf_import_file ON rf_import (import_id, file_hash)
;;
CREATE INDEX rf_idempotency_age ON rf_idempotency (created_at)
;;
-- What each record has added to an aggregate that is being filled: publishing takes it away again
-- when the record changed meanwhile, and adds what it is now.
CREATE TABLE rf_scratch (
  name TEXT NOT NULL,
  measure INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  key INTEGER NOT NULL,
  value INTEGER NOT NULL,
  currency TEXT,
  PRIMARY KEY (name, measure, record_id, key)
)
;;
INSERT INTO rf_state (one, epoch, release_no) VALUES (1, 0, 0)
