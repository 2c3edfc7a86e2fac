-- What the scenarios said of a release when it was last put into force by publishing it: a JSON
-- list of those that failed (NULL: none of them was run), and why it went ahead all the same.
ALTER TABLE rf_release ADD COLUMN failing TEXT
;;
ALTER TABLE rf_release ADD COLUMN despite TEXT
