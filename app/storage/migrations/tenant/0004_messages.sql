-- What people were told. `principal` is "user:<id>", "contact:<form>:<id>" or "mail:<address>".
CREATE TABLE rf_message (
  id INTEGER PRIMARY KEY NOT NULL,
  once TEXT NOT NULL UNIQUE,
  principal TEXT NOT NULL,
  notification TEXT NOT NULL,
  form TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  read_at INTEGER
)
;;
CREATE INDEX rf_message_person ON rf_message (principal, id)
;;
CREATE INDEX rf_message_unread ON rf_message (principal) WHERE read_at IS NULL
;;
CREATE INDEX rf_message_record ON rf_message (form, record_id)
;;
CREATE TABLE rf_throttle (
  key TEXT NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL
)
;;
-- The language a person outside chose.
CREATE TABLE rf_contact (
  principal TEXT NOT NULL PRIMARY KEY,
  lang TEXT NOT NULL,
  seen_at INTEGER NOT NULL
)
