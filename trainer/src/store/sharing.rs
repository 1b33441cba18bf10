//! Who may see a dataset, and what they may do with it: all SQL that reads a dataset for somebody goes
//! through [`VISIBLE`].

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DatasetId, OwnerId, Store, StoreError, check_name, list, one, optional_parsed, parsed, plain,
    unknown,
};
use crate::nearest::nearest;

/// What somebody may do with a dataset. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DatasetAccess)]
pub enum Access {
    /// Look at it, train on it, and make other datasets of it.
    Read,
    /// Change its labels as well.
    Label,
    /// Everything: it is theirs.
    Own,
}

impl std::str::FromStr for Access {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "read" => Ok(Access::Read),
            "label" => Ok(Access::Label),
            "own" => Ok(Access::Own),
            _ => Err(format!("{text:?} is no access")),
        }
    }
}

/// What others may do with a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum SharedTo {
    /// Look at it, train on it, and make other datasets of it.
    Read,
    /// Change its labels as well.
    Label,
}

impl SharedTo {
    fn name(self) -> &'static str {
        match self {
            SharedTo::Read => "read",
            SharedTo::Label => "label",
        }
    }
}

impl std::str::FromStr for SharedTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [SharedTo::Read, SharedTo::Label];
        known
            .into_iter()
            .find(|to| to.name() == text)
            .ok_or_else(|| format!("{text:?} is no share"))
    }
}

/// Whom a dataset is shared with. Who is named and belongs to everybody may do the more of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sharing {
    /// What everybody may do who can sign in; nothing where absent.
    #[serde(default)]
    pub everybody: Option<SharedTo>,
    /// What single users may do.
    #[serde(default)]
    pub users: Vec<UserShare>,
}

/// What one user may do with a dataset of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserShare {
    /// The user's name.
    pub user: String,
    /// What the user may do.
    pub access: SharedTo,
}

/// Whose a dataset is, what one may do with it, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DatasetStanding)]
pub struct Standing {
    /// Name of the user whose it is; `-` where the user is gone.
    pub owner: String,
    /// What you may do with it.
    pub access: Access,
    /// Whether it is shared with anybody.
    pub is_shared: bool,
    /// What a regression on it predicts unless something else is asked for: a channel, or `tag:NAME`.
    pub target: Option<String>,
}

/// Most users that a dataset is shared with by name.
pub(crate) const SHARED_USERS_MAX: usize = 1000;

/// The name by which somebody calls the dataset `d`: `NAME` where it is theirs, `OWNER:NAME` otherwise.
macro_rules! name_for {
    ($viewer:literal) => {
        concat!(
            "CASE WHEN d.owner_id = ",
            $viewer,
            " THEN d.name ELSE coalesce((SELECT u.name FROM users u WHERE u.owner_id = d.owner_id), '-')
             || ':' || d.name END"
        )
    };
}
pub(super) use name_for;

/// Datasets and who may see them: a row for each pair, with the name by which that viewer calls it and
/// what they may do. To be read `WHERE viewer_id = …`.
pub(super) const VISIBLE: &str = concat!(
    "(SELECT d.id AS dataset_id, o.id AS viewer_id,
             coalesce((SELECT u.name FROM users u WHERE u.owner_id = d.owner_id), '-') AS owner, ",
    name_for!("o.id"),
    " AS name, d.name AS plain_name, CASE
         WHEN d.owner_id = o.id THEN 'own'
         WHEN EXISTS (SELECT 1 FROM dataset_shares s WHERE s.dataset_id = d.id
                      AND (s.owner_id IS NULL OR s.owner_id = o.id) AND s.access = 'label') THEN 'label'
         ELSE 'read' END AS access
     FROM datasets d JOIN owners o
     WHERE d.owner_id = o.id
        OR EXISTS (SELECT 1 FROM dataset_shares s WHERE s.dataset_id = d.id
                   AND (s.owner_id IS NULL OR s.owner_id = o.id)))"
);

/// Whether the dataset `d` is shared with anybody.
pub(super) const IS_SHARED: &str =
    "EXISTS (SELECT 1 FROM dataset_shares s WHERE s.dataset_id = d.id)";

/// A dataset that somebody may see.
pub(super) struct SeenDataset {
    pub(super) id: DatasetId,
    /// As they call it.
    pub(super) name: String,
    pub(super) access: Access,
}

/// The dataset that somebody calls so and may see: one of theirs, or another user's as `OWNER:NAME`.
pub(super) fn find_dataset(
    connection: &Connection,
    viewer: OwnerId,
    name: &str,
) -> Result<Option<SeenDataset>, StoreError> {
    one(
        connection,
        &format!(
            "SELECT dataset_id, name, access FROM {VISIBLE}
             WHERE viewer_id = ?1 AND (name = ?2 OR owner || ':' || plain_name = ?2)"
        ),
        params![viewer.to_string(), name],
        |row| {
            Ok(SeenDataset {
                id: parsed(row, "dataset_id")?,
                name: plain(row, "name")?,
                access: parsed(row, "access")?,
            })
        },
    )
}

/// [`find_dataset`] for something that needs this access.
///
/// # Errors
/// What they may not see is not there; what they may see but not do is not allowed.
pub(super) fn dataset_for(
    connection: &Connection,
    viewer: OwnerId,
    name: &str,
    needed: Access,
) -> Result<SeenDataset, StoreError> {
    let Some(seen) = find_dataset(connection, viewer, name)? else {
        let names = list(
            connection,
            &format!("SELECT name FROM {VISIBLE} WHERE viewer_id = ?1 ORDER BY name"),
            [viewer.to_string()],
            |row| plain::<String>(row, "name"),
        )?;
        let nearest = nearest(name, names.iter().map(String::as_str));
        return Err(StoreError::Unknown { kind: "dataset", name: name.to_owned(), nearest });
    };
    match seen.access >= needed {
        true => Ok(seen),
        false => Err(StoreError::Access { dataset: seen.name, access: seen.access, needed }),
    }
}

impl Store {
    /// The plain name of a dataset that somebody wants to add to, which is theirs or not there yet.
    pub fn own_dataset_name(&self, owner: OwnerId, name: &str) -> Result<String, StoreError> {
        if !name.contains(':') {
            check_name("dataset", name)?;
            return Ok(name.to_owned());
        }
        Ok(dataset_for(&*self.reader()?, owner, name, Access::Own)?.name)
    }

    /// Whose a dataset is, what one may do with it, and what it is for.
    pub fn dataset_standing(&self, viewer: OwnerId, name: &str) -> Result<Standing, StoreError> {
        let connection = self.reader()?;
        let seen = dataset_for(&connection, viewer, name, Access::Read)?;
        let found = one(
            &connection,
            &format!(
                "SELECT v.owner, v.access, d.target, {IS_SHARED} AS is_shared
                 FROM {VISIBLE} v JOIN datasets d ON d.id = v.dataset_id
                 WHERE v.viewer_id = ?1 AND d.id = ?2"
            ),
            [viewer.to_string(), seen.id.to_string()],
            read_standing,
        )?;
        found.ok_or_else(|| unknown("dataset", name))
    }

    /// Whom a dataset is shared with; for its owner.
    pub fn sharing(&self, owner: OwnerId, name: &str) -> Result<Sharing, StoreError> {
        let connection = self.reader()?;
        let id = dataset_for(&connection, owner, name, Access::Own)?.id;
        let shares = list(
            &connection,
            "SELECT s.access, s.owner_id, u.name FROM dataset_shares s
             LEFT JOIN users u ON u.owner_id = s.owner_id
             WHERE s.dataset_id = ?1 ORDER BY u.name",
            [id.to_string()],
            |row| {
                let with: Option<OwnerId> = optional_parsed(row, "owner_id")?;
                let user: Option<String> = plain(row, "name")?;
                Ok((with, user, parsed::<SharedTo>(row, "access")?))
            },
        )?;
        let mut sharing = Sharing::default();
        for (with, user, access) in shares {
            match (with, user) {
                (None, _) => sharing.everybody = Some(access),
                (Some(_), Some(user)) => sharing.users.push(UserShare { user, access }),
                // Only the command line is left of that user.
                (Some(_), None) => {}
            }
        }
        Ok(sharing)
    }

    /// Shares a dataset with these and nobody else.
    ///
    /// # Errors
    /// Where the dataset is another's, or a user is not there, is its owner or is named twice.
    pub fn share_dataset(
        &self,
        owner: OwnerId,
        name: &str,
        sharing: &Sharing,
    ) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let id = dataset_for(&transaction, owner, name, Access::Own)?.id.to_string();
        let mut with = BTreeSet::new();
        transaction.execute("DELETE FROM dataset_shares WHERE dataset_id = ?1", [&id])?;
        let sql = "INSERT INTO dataset_shares (dataset_id, owner_id, access) VALUES (?1, ?2, ?3)";
        if let Some(access) = sharing.everybody {
            transaction.execute(sql, params![id, None::<String>, access.name()])?;
        }
        for (number, UserShare { user, access }) in sharing.users.iter().enumerate() {
            let refused = |reason| StoreError::Share { number, user: user.clone(), reason };
            let other: Option<OwnerId> =
                one(&transaction, "SELECT owner_id FROM users WHERE name = ?1", [user], |row| {
                    parsed(row, "owner_id")
                })?;
            let other = other.ok_or_else(|| refused("there is no such user"))?;
            if other == owner {
                return Err(refused("the dataset is theirs"));
            }
            if !with.insert(other) {
                return Err(refused("the user is named twice"));
            }
            transaction.execute(sql, params![id, other.to_string(), access.name()])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

pub(super) fn read_standing(row: &rusqlite::Row<'_>) -> Result<Standing, StoreError> {
    Ok(Standing {
        owner: plain(row, "owner")?,
        access: parsed(row, "access")?,
        is_shared: plain(row, "is_shared")?,
        target: plain(row, "target")?,
    })
}

#[cfg(test)]
mod tests;
