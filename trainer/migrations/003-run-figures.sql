-- What lists and comparisons of runs need, so that no report is read for it: figures as JSON, the
-- curves, and the model version that came of the run. Figures of earlier runs are filled in from
-- their reports by the program; they have no curves.

ALTER TABLE runs ADD COLUMN figures TEXT;
ALTER TABLE runs ADD COLUMN curves TEXT;
ALTER TABLE runs ADD COLUMN model_version_id TEXT
    REFERENCES model_versions (id) ON DELETE SET NULL;

UPDATE runs SET model_version_id =
    (SELECT v.id FROM model_versions v JOIN models m ON m.id = v.model_id
     WHERE m.owner_id = runs.owner_id AND v.artifact = runs.report ->> '$.artifact_sha256'
       AND (runs.model_name IS NULL OR m.name = runs.model_name)
     ORDER BY v.run_id = runs.id DESC, v.number DESC LIMIT 1)
WHERE status = 'succeeded';

UPDATE runs SET model_name =
    (SELECT m.name FROM model_versions v JOIN models m ON m.id = v.model_id
     WHERE v.id = runs.model_version_id)
WHERE model_name IS NULL;

CREATE INDEX runs_by_model_version ON runs (model_version_id);
