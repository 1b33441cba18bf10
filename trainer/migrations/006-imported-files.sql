-- What came of files that were imported: a file that comes again with the same options needs not be read
-- again, and an import that was cut off goes on where it was. `source` is the SHA-256 of the file's bytes,
-- `settings` that of everything else that decides what comes of it.
CREATE TABLE imported_files (
    owner_id TEXT NOT NULL REFERENCES owners (id),
    dataset TEXT NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    settings TEXT NOT NULL,
    recordings TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (owner_id, dataset, name, source, settings)
) STRICT, WITHOUT ROWID;
