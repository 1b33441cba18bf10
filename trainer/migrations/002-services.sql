-- What the service adds: users, sessions, keys, jobs, uploads, saved pipelines, devices, deployments.
-- Secrets are kept as SHA-256 of random text (tokens, keys, sessions) or as argon2id (passwords).

-- A user has an owner for what is theirs; the first admin has the owner of the command line.
CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL UNIQUE REFERENCES owners (id),
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'user')),
    password TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    digest TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    start TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    used_ms INTEGER,
    UNIQUE (user_id, name)
) STRICT;

-- Runs wait in the queue now, and can be cancelled.
CREATE TABLE runs_with_queue (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    dataset_version_id TEXT NOT NULL REFERENCES dataset_versions (id),
    settings TEXT NOT NULL,
    model_name TEXT,
    status TEXT NOT NULL CHECK (status IN
        ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    report TEXT,
    error TEXT,
    created_ms INTEGER NOT NULL,
    finished_ms INTEGER
) STRICT;

INSERT INTO runs_with_queue
    (id, owner_id, dataset_version_id, settings, status, report, error, created_ms, finished_ms)
SELECT id, owner_id, dataset_version_id, settings, status, report, error, created_ms, finished_ms
FROM runs;
DROP TABLE runs;
ALTER TABLE runs_with_queue RENAME TO runs;
CREATE INDEX runs_by_version ON runs (dataset_version_id);
CREATE INDEX runs_by_owner ON runs (owner_id, id DESC);

-- `attempt_key` is what a client sends as Idempotency-Key: the same key gives the same job, and
-- `attempt_sha256` tells whether it comes with the same request.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    kind TEXT NOT NULL CHECK (kind IN ('import', 'run', 'evaluation')),
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
CREATE INDEX jobs_by_owner ON jobs (owner_id, id DESC);
CREATE INDEX jobs_by_status ON jobs (status, id);

-- The bytes lie in uploads/<id>; `received_bytes` of them are known to be on disk.
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    received_bytes INTEGER NOT NULL,
    sha256 TEXT,
    attempt_key TEXT,
    attempt_sha256 TEXT,
    created_ms INTEGER NOT NULL,
    UNIQUE (owner_id, attempt_key)
) STRICT;

CREATE TABLE pipelines (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    name TEXT NOT NULL,
    recipe TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (owner_id, name)
) STRICT;

ALTER TABLE model_versions ADD COLUMN stage TEXT NOT NULL DEFAULT 'candidate'
    CHECK (stage IN ('candidate', 'production', 'archived'));

CREATE TABLE enrolment_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    name TEXT NOT NULL,
    device_group TEXT,
    digest TEXT NOT NULL UNIQUE,
    uses_left INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- `request_ms` is the time of the newest signed request that was accepted: later ones must be later.
CREATE TABLE devices (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    name TEXT NOT NULL,
    device_group TEXT,
    public_key TEXT NOT NULL UNIQUE,
    token_id TEXT NOT NULL,
    arch TEXT NOT NULL,
    version TEXT NOT NULL,
    request_ms INTEGER NOT NULL DEFAULT 0,
    heartbeat TEXT,
    seen_ms INTEGER,
    created_ms INTEGER NOT NULL,
    UNIQUE (owner_id, name)
) STRICT;

-- The newest deployment of a device is what it shall serve.
CREATE TABLE deployments (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    model_version_id TEXT NOT NULL REFERENCES model_versions (id),
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'downloading', 'proving', 'serving', 'failed', 'replaced')),
    error TEXT,
    proof TEXT,
    attempt_key TEXT,
    attempt_sha256 TEXT,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (owner_id, attempt_key)
) STRICT;
CREATE INDEX deployments_by_device ON deployments (device_id, id DESC);
CREATE INDEX deployments_by_version ON deployments (model_version_id);

-- Files that may lie on disk although no row names them: noted before they are written, and when the
-- last row that names them goes. They are removed when nobody works with files, at the latest at the
-- next start.
CREATE TABLE loose_files (
    path TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX recordings_by_content ON recordings (content);
CREATE INDEX model_versions_by_artifact ON model_versions (artifact);
