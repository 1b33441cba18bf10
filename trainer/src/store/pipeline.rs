//! Saved pipelines: settings from samples to features, by name.

use rusqlite::{Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    OwnerId, Page, PageOf, PipelineId, Store, StoreError, check_name, json, list, now_ms, one,
    parsed, plain, taken, to_json, unknown,
};
use crate::training::settings::PipelineSettings;

/// Most saved pipelines of one owner.
const PIPELINES_MAX: u32 = 1000;

/// Settings from samples to features, by name.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SavedPipeline {
    /// Identifier.
    pub id: PipelineId,
    /// Name, unique for its owner.
    pub name: String,
    /// The settings.
    pub pipeline: PipelineSettings,
    /// When it was saved, in milliseconds since 1970 UTC.
    pub created_ms: i64,
}

const SELECT: &str = "SELECT id, name, recipe, created_ms FROM pipelines";

impl Store {
    /// Saves settings by a name that is free.
    pub fn save_pipeline(
        &self,
        owner: OwnerId,
        name: &str,
        pipeline: &PipelineSettings,
    ) -> Result<SavedPipeline, StoreError> {
        check_name("pipeline", name)?;
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let pipelines: u32 = transaction.query_row(
            "SELECT count(*) FROM pipelines WHERE owner_id = ?1",
            [owner.to_string()],
            |row| row.get(0),
        )?;
        if pipelines >= PIPELINES_MAX {
            return Err(StoreError::Full { kind: "saved pipelines", limit: PIPELINES_MAX });
        }
        let saved = SavedPipeline {
            id: PipelineId::new(),
            name: name.to_owned(),
            pipeline: pipeline.clone(),
            created_ms: now_ms(),
        };
        transaction
            .execute(
                "INSERT INTO pipelines (id, owner_id, name, recipe, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    saved.id.to_string(),
                    owner.to_string(),
                    name,
                    to_json(pipeline),
                    saved.created_ms
                ],
            )
            .map_err(taken("pipeline", name))?;
        transaction.commit()?;
        Ok(saved)
    }

    /// Saved pipelines, by name.
    pub fn pipelines(
        &self,
        owner: OwnerId,
        page: &PageOf,
    ) -> Result<Page<SavedPipeline>, StoreError> {
        let pipelines = list(
            &*self.reader()?,
            &format!(
                "{SELECT} WHERE owner_id = ?1 AND (?2 IS NULL OR name > ?2) ORDER BY name LIMIT ?3"
            ),
            params![owner.to_string(), page.cursor, page.fetched()],
            read_pipeline,
        )?;
        Ok(page.page(pipelines, |pipeline| pipeline.name.clone()))
    }

    /// The saved pipeline of this name.
    pub fn pipeline(&self, owner: OwnerId, name: &str) -> Result<SavedPipeline, StoreError> {
        let sql = format!("{SELECT} WHERE owner_id = ?1 AND name = ?2");
        one(&*self.reader()?, &sql, params![owner.to_string(), name], read_pipeline)?
            .ok_or_else(|| unknown("pipeline", name))
    }

    /// Forgets a saved pipeline. Runs have a copy of what they used.
    pub fn delete_pipeline(&self, owner: OwnerId, name: &str) -> Result<(), StoreError> {
        let deleted = self.writer().execute(
            "DELETE FROM pipelines WHERE owner_id = ?1 AND name = ?2",
            params![owner.to_string(), name],
        )?;
        if deleted == 0 { Err(unknown("pipeline", name)) } else { Ok(()) }
    }
}

fn read_pipeline(row: &Row<'_>) -> Result<SavedPipeline, StoreError> {
    Ok(SavedPipeline {
        id: parsed(row, "id")?,
        name: plain(row, "name")?,
        pipeline: json(row, "recipe")?,
        created_ms: plain(row, "created_ms")?,
    })
}
