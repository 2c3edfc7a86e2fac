"""Files come in here: row by row, through the same door as people and programs."""
