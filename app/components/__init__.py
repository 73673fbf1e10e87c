"""Building pieces of pages, one file per piece: each draws itself and returns what a person chose."""
