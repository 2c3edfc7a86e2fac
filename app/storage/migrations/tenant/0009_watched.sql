-- What flows of a release wait for beyond a record, under names that outlive renames: a JSON list
-- (NULL: of a release published before this was written down).
ALTER TABLE rf_release ADD COLUMN watched TEXT
