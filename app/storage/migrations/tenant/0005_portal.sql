-- Somebody outside asks for a one-time code. `id` is a hash of what their browser holds, `code` a
-- keyed hash of the code; `given` is what they typed, kept only until it was looked up.
CREATE TABLE rf_portal_ask (
  id TEXT NOT NULL PRIMARY KEY,
  portal TEXT NOT NULL,
  given TEXT,
  subject TEXT NOT NULL,
  lang TEXT NOT NULL,
  contact INTEGER,
  record_id INTEGER,
  address TEXT,
  code TEXT,
  tries INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
)
;;
CREATE INDEX rf_portal_ask_age ON rf_portal_ask (expires_at)
;;
CREATE TABLE rf_portal_session (
  id TEXT NOT NULL PRIMARY KEY,
  portal TEXT NOT NULL,
  contact INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  address TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
)
;;
CREATE INDEX rf_portal_session_age ON rf_portal_session (expires_at)
