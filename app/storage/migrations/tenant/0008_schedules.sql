-- Up to which unit of time a report has gone out by itself: the first day of the unit, as a date.
CREATE TABLE rf_schedule (
  report TEXT NOT NULL PRIMARY KEY,
  every TEXT NOT NULL,
  period TEXT NOT NULL
)
