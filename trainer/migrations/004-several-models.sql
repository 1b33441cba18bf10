-- A device serves several models, told apart by name: of each name, the newest deployment is what it shall
-- serve, unless it was withdrawn. Deployments have limits; versions of models have detached signatures.

CREATE TABLE deployments_by_name (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    model_version_id TEXT NOT NULL REFERENCES model_versions (id),
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'downloading', 'proving', 'serving', 'failed', 'replaced', 'withdrawn')),
    limits TEXT NOT NULL DEFAULT '{}',
    error TEXT,
    proof TEXT,
    attempt_key TEXT,
    attempt_sha256 TEXT,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (owner_id, attempt_key)
) STRICT;

-- Until now a device served the newest deployment alone. What had another name was replaced by it, and stays
-- so: it must not come back by itself.
INSERT INTO deployments_by_name
    (id, owner_id, device_id, model_version_id, status, error, proof, attempt_key, attempt_sha256,
     created_ms, changed_ms)
SELECT p.id, p.owner_id, p.device_id, p.model_version_id,
       CASE WHEN EXISTS (
           SELECT 1 FROM deployments l JOIN model_versions lv ON lv.id = l.model_version_id
           WHERE l.device_id = p.device_id AND l.id > p.id AND lv.model_id = v.model_id)
           OR p.id = (SELECT max(id) FROM deployments WHERE device_id = p.device_id)
       THEN p.status ELSE 'withdrawn' END,
       p.error, p.proof, p.attempt_key, p.attempt_sha256, p.created_ms, p.changed_ms
FROM deployments p JOIN model_versions v ON v.id = p.model_version_id;
DROP TABLE deployments;
ALTER TABLE deployments_by_name RENAME TO deployments;
CREATE INDEX deployments_by_device ON deployments (device_id, id DESC);
CREATE INDEX deployments_by_version ON deployments (model_version_id);

ALTER TABLE model_versions ADD COLUMN signature TEXT;
