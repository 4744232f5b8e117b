// The reading view of an opened record.
