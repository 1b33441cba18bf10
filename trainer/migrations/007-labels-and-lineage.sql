-- Label sets beside the labels, the history of labels, and what recordings were made from.
ALTER TABLE annotations ADD COLUMN label_sets TEXT NOT NULL DEFAULT '{}';

-- Who made a version by changing labels, and how. It goes with its dataset.
CREATE TABLE label_changes (
    version_id TEXT NOT NULL PRIMARY KEY REFERENCES dataset_versions (id) ON DELETE CASCADE,
    label_set TEXT,
    edits TEXT NOT NULL,
    recordings TEXT NOT NULL,
    comment TEXT,
    changed_by TEXT NOT NULL
) STRICT;

-- What a recording was made from: inputs by content, and the steps. Named by its digest.
CREATE TABLE lineages (
    digest TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE lineage_inputs (
    lineage TEXT NOT NULL REFERENCES lineages (digest),
    content TEXT NOT NULL,
    PRIMARY KEY (lineage, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_inputs_by_content ON lineage_inputs (content);

ALTER TABLE dataset_version_entries ADD COLUMN lineage TEXT REFERENCES lineages (digest);

-- A repair is a kind of job.
CREATE TABLE jobs_with_repairs (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    kind TEXT NOT NULL CHECK (kind IN ('import', 'run', 'evaluation', 'repair')),
    input TEXT NOT NULL,
    run_id TEXT REFERENCES runs (id) ON DELETE CASCADE,
    status TEXT NOT NULL CHECK (status IN
        ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    result TEXT,
    error TEXT,
    attempt_key TEXT,
    attempt_sha256 TEXT,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    finished_ms INTEGER,
    UNIQUE (owner_id, attempt_key)
) STRICT;
INSERT INTO jobs_with_repairs
    (id, owner_id, kind, input, run_id, status, result, error, attempt_key, attempt_sha256,
     created_ms, started_ms, finished_ms)
SELECT id, owner_id, kind, input, run_id, status, result, error, attempt_key, attempt_sha256,
       created_ms, started_ms, finished_ms
FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_with_repairs RENAME TO jobs;
CREATE INDEX jobs_by_owner ON jobs (owner_id, id DESC);
CREATE INDEX jobs_by_status ON jobs (status, id);
