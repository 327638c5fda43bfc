"""The measures of `make bench`, one module each, and what they share."""
