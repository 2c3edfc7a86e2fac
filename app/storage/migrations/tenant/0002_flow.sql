-- What is open with a record, in one table so that one statement writes all of it: tasks and votes
-- (a row for each seat), timers, watches, child scopes of the flow ("token"), incidents, and the day
-- its retention ends ("keep").
CREATE TABLE rf_open (
  id INTEGER PRIMARY KEY NOT NULL,
  form TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'open',
  token INTEGER NOT NULL DEFAULT 0,
  step TEXT NOT NULL DEFAULT '',
  visit INTEGER NOT NULL DEFAULT 0,
  rule TEXT NOT NULL DEFAULT '',
  task INTEGER,
  principal TEXT,
  level TEXT,
  place INTEGER,
  claimed INTEGER,
  instead_of INTEGER,
  by_user INTEGER,
  outcome TEXT,
  stage TEXT,
  opened_at INTEGER,
  due_at INTEGER,
  done_at INTEGER,
  data TEXT
)
;;
INSERT INTO rf_open (id, form, record_id, kind, status, rule, due_at, done_at)
  SELECT record_id, form, record_id, kind, CASE WHEN done_at IS NULL THEN 'open' ELSE 'done' END,
    rule, due_at, done_at FROM rf_due
;;
DROP TABLE rf_due
;;
ALTER TABLE rf_open RENAME TO rf_due
;;
CREATE INDEX rf_due_record ON rf_due (record_id, status)
;;
CREATE INDEX rf_due_time ON rf_due (kind, due_at) WHERE status = 'open' AND due_at IS NOT NULL
;;
CREATE INDEX rf_due_seat ON rf_due (principal, opened_at) WHERE status = 'open' AND principal IS NOT NULL
;;
CREATE INDEX rf_due_task ON rf_due (task) WHERE task IS NOT NULL
;;
CREATE INDEX rf_due_by ON rf_due (by_user, done_at) WHERE by_user IS NOT NULL
;;
CREATE INDEX rf_due_watch ON rf_due (rule) WHERE kind = 'watch' AND status = 'open'
;;
CREATE INDEX rf_due_incident ON rf_due (opened_at) WHERE kind = 'incident' AND status = 'open'
;;
-- Events from outside, kept by their sender's id: told twice they happen once. "early": nobody waited
-- for it; "new": somebody does since, it is to be looked at again; "used" and "late" are over.
CREATE TABLE rf_event (
  id TEXT PRIMARY KEY NOT NULL,
  form TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  data TEXT NOT NULL,
  status TEXT NOT NULL,
  at INTEGER NOT NULL,
  used_at INTEGER
)
;;
CREATE INDEX rf_event_record ON rf_event (record_id)
;;
CREATE INDEX rf_event_new ON rf_event (status) WHERE status = 'new'
;;
-- Who stands in for whom, from when to when (both NULL: always), on which forms (NULL: all).
CREATE TABLE rf_delegation (
  id INTEGER PRIMARY KEY NOT NULL,
  user_id INTEGER NOT NULL,
  to_user INTEGER NOT NULL,
  form TEXT,
  starts_at INTEGER,
  ends_at INTEGER,
  created_at INTEGER NOT NULL,
  created_by INTEGER,
  ended_at INTEGER
)
;;
CREATE INDEX rf_delegation_user ON rf_delegation (user_id) WHERE ended_at IS NULL
;;
CREATE INDEX rf_user_role_role ON rf_user_role (role, user_id)
;;
CREATE INDEX rf_user_department ON rf_user (department_id)
;;
-- Where a record stands in its flow: the token of the top scope, as JSON.
ALTER TABLE {form_table} ADD COLUMN flow TEXT
