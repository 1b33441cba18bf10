-- Accounts of sensors at a broker that is not ours, so that they can be made again where it has lost them. One that was
-- taken away stays as a note until the broker has heard of it.

CREATE TABLE sensors (
    name TEXT NOT NULL PRIMARY KEY,
    is_wanted INTEGER NOT NULL CHECK (is_wanted IN (0, 1))
) STRICT;
