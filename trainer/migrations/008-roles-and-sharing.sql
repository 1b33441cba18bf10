-- Roles of users, datasets that are shared, what a dataset is to predict, and recorders that have ended. Who was no admin could do
-- everything that an engineer may; nothing is shared until its owner shares it.

CREATE TABLE users_with_roles (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL UNIQUE REFERENCES owners (id),
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'annotator', 'engineer', 'admin')),
    password TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
INSERT INTO users_with_roles (id, owner_id, name, role, password, created_ms)
SELECT id, owner_id, name, CASE role WHEN 'user' THEN 'engineer' ELSE role END, password, created_ms
FROM users;
DROP TABLE users;
ALTER TABLE users_with_roles RENAME TO users;

-- Whom a dataset is shared with; everybody where no owner is named.
CREATE TABLE dataset_shares (
    dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    owner_id TEXT REFERENCES owners (id) ON DELETE CASCADE,
    access TEXT NOT NULL CHECK (access IN ('read', 'label'))
) STRICT;
CREATE UNIQUE INDEX dataset_shares_by_dataset ON dataset_shares (dataset_id, coalesce(owner_id, ''));
CREATE INDEX dataset_shares_by_owner ON dataset_shares (owner_id);

-- A channel's name, or tag:NAME.
ALTER TABLE datasets ADD COLUMN target TEXT;

-- Recorders that have ended: what they recorded from, and what came of it.
CREATE TABLE recorders (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
    recorder TEXT NOT NULL
) STRICT;
CREATE INDEX recorders_by_owner ON recorders (owner_id, id DESC);
