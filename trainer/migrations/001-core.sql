-- Datasets, recordings, runs and models. Every resource has an owner; names are unique per owner.
-- Times are milliseconds since 1970 UTC. Versions and what they list never change.

CREATE TABLE owners (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL
) STRICT;

INSERT INTO owners (id, name, created_ms)
VALUES ('00000000-0000-7000-8000-000000000000', 'local', 0);

CREATE TABLE datasets (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (owner_id, name)
) STRICT;

-- A recording's samples lie in datasets/<content>.parquet.
CREATE TABLE recordings (
    id TEXT NOT NULL PRIMARY KEY,
    dataset_id TEXT NOT NULL REFERENCES datasets (id),
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    rate_hz REAL,
    absolute_time INTEGER NOT NULL,
    channels TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (dataset_id, name, content)
) STRICT;

-- Labels and tags of a recording, named by their digest: changing them makes a new row.
CREATE TABLE annotations (
    digest TEXT NOT NULL PRIMARY KEY,
    labels TEXT NOT NULL,
    tags TEXT NOT NULL
) STRICT;

CREATE TABLE dataset_versions (
    id TEXT NOT NULL PRIMARY KEY,
    dataset_id TEXT NOT NULL REFERENCES datasets (id),
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (dataset_id, number)
) STRICT;

CREATE TABLE dataset_version_entries (
    version_id TEXT NOT NULL REFERENCES dataset_versions (id),
    position INTEGER NOT NULL,
    recording_id TEXT NOT NULL REFERENCES recordings (id),
    annotation TEXT NOT NULL REFERENCES annotations (digest),
    partition TEXT,
    PRIMARY KEY (version_id, position),
    UNIQUE (version_id, recording_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    dataset_version_id TEXT NOT NULL REFERENCES dataset_versions (id),
    settings TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'interrupted')),
    report TEXT,
    error TEXT,
    created_ms INTEGER NOT NULL,
    finished_ms INTEGER
) STRICT;

CREATE TABLE models (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (owner_id, name)
) STRICT;

-- The artifact lies in models/<artifact>.onnx, its proof in models/<artifact>.proof.json.
CREATE TABLE model_versions (
    id TEXT NOT NULL PRIMARY KEY,
    model_id TEXT NOT NULL REFERENCES models (id),
    number INTEGER NOT NULL,
    task TEXT NOT NULL,
    artifact TEXT NOT NULL,
    lineage TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    created_ms INTEGER NOT NULL,
    UNIQUE (model_id, number)
) STRICT;

CREATE INDEX recordings_by_dataset ON recordings (dataset_id);
CREATE INDEX entries_by_recording ON dataset_version_entries (recording_id);
CREATE INDEX runs_by_version ON runs (dataset_version_id);
CREATE INDEX model_versions_by_run ON model_versions (run_id);
