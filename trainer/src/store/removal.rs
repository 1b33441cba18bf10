//! Removal of a dataset with all that came of it: runs, model versions, deployments.

use model_format::id::Digest;
use rusqlite::{Connection, params};

use super::dataset::delete_dataset_rows;
use super::deployment::IS_NEWEST;
use super::lineage::check_no_lineage_needs;
use super::loose::note_loose_file;
use super::sharing::dataset_for;
use super::{
    Access, DeploymentStatus, OwnerId, RunId, Store, StoreError, list, now_ms, parsed, plain,
};
use crate::data_folder::{artifact_file, proof_file, run_file};

/// The runs that have learned from the dataset ?1.
const RUNS: &str = "SELECT r.id FROM runs r JOIN dataset_versions d ON d.id = r.dataset_version_id
 WHERE d.dataset_id = ?1";

impl Store {
    /// Removes a dataset with the runs that have learned from it, the model versions that came of
    /// these and their deployments; files become loose. A device goes back to the deployment of the
    /// same name before, if it had one; models without versions go as well. Refused while such a run waits or
    /// is in work, and where such a run is another user's.
    pub fn delete_dataset_with_runs(&self, owner: OwnerId, name: &str) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let dataset = dataset_for(&transaction, owner, name, Access::Own)?.id;
        let id = dataset.to_string();
        let others: u32 = transaction.query_row(
            &format!("SELECT count(*) FROM runs WHERE owner_id <> ?2 AND id IN ({RUNS})"),
            [&id, &owner.to_string()],
            |row| row.get(0),
        )?;
        if others > 0 {
            let reason = format!(
                "{others} runs of other users have learned from it, and their record needs it"
            );
            return Err(StoreError::InUse { kind: "dataset", name: name.to_owned(), reason });
        }
        let busy: bool = transaction.query_row(
            &format!(
                "SELECT EXISTS (SELECT 1 FROM runs WHERE status IN ('queued', 'running')
                                AND id IN ({RUNS}))"
            ),
            [&id],
            |row| row.get(0),
        )?;
        if busy {
            let reason = "a run is learning from it: wait until it ends, or cancel its job";
            let (kind, name) = ("dataset", name.to_owned());
            return Err(StoreError::InUse { kind, name, reason: reason.to_owned() });
        }
        check_no_lineage_needs(&transaction, dataset, name)?;
        let artifacts: Vec<Digest> = list(
            &transaction,
            &format!("SELECT DISTINCT artifact FROM model_versions WHERE run_id IN ({RUNS})"),
            [&id],
            |row| parsed(row, "artifact"),
        )?;
        let runs: Vec<RunId> = list(&transaction, RUNS, [&id], |row| parsed(row, "id"))?;
        delete_deployments(&transaction, &id)?;
        for sql in [
            format!("DELETE FROM model_versions WHERE run_id IN ({RUNS})"),
            // Jobs of runs go with them.
            format!("DELETE FROM runs WHERE id IN ({RUNS})"),
        ] {
            transaction.execute(&sql, [&id])?;
        }
        transaction.execute(
            "DELETE FROM models WHERE owner_id = ?1
             AND NOT EXISTS (SELECT 1 FROM model_versions WHERE model_id = models.id)",
            [owner.to_string()],
        )?;
        for artifact in artifacts {
            for path in [artifact_file(artifact), proof_file(artifact)] {
                let path = path.display().to_string();
                note_loose_file(&transaction, &path, &artifact.to_string())?;
            }
        }
        for run in runs {
            let path = run_file(run).display().to_string();
            note_loose_file(&transaction, &path, &run.to_string())?;
        }
        delete_dataset_rows(&transaction, dataset)?;
        transaction.commit()?;
        Ok(())
    }
}

/// Removes the deployments of what came of a dataset. What a device served before such a one is
/// what it shall serve again.
fn delete_deployments(connection: &Connection, dataset: &str) -> Result<(), StoreError> {
    let of_dataset =
        format!("model_version_id IN (SELECT id FROM model_versions WHERE run_id IN ({RUNS}))");
    let devices = list(
        connection,
        &format!("SELECT DISTINCT device_id FROM deployments WHERE {of_dataset}"),
        [dataset],
        |row| plain::<String>(row, "device_id"),
    )?;
    connection.execute(&format!("DELETE FROM deployments WHERE {of_dataset}"), [dataset])?;
    for device in devices {
        connection.execute(
            &format!(
                "UPDATE deployments AS p SET status = ?2, changed_ms = ?3
                 WHERE p.device_id = ?1 AND p.status = 'replaced' AND {IS_NEWEST}"
            ),
            params![device, DeploymentStatus::Pending.name(), now_ms()],
        )?;
    }
    Ok(())
}
