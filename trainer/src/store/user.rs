//! Users: who may sign in, and whose things are whose.

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::imported::forget_imported_files;
use super::{
    OwnerId, Page, PageOf, Store, StoreError, UserId, check_name, list, now_ms, one, parsed, plain,
    taken, unknown,
};

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct User {
    /// Identifier.
    pub id: UserId,
    /// The name to sign in with.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// The owner of what is theirs.
    #[serde(skip)]
    pub owner: OwnerId,
}

/// What a user may do; each role may do what those before it may.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ToSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = UserRole)]
pub enum Role {
    /// Look at what is theirs or shared with them.
    Viewer,
    /// Import, record, label and share data as well.
    Annotator,
    /// Train, evaluate and deploy models as well.
    Engineer,
    /// Manage users as well, and import from the trainer's inbox.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Annotator, Role::Engineer, Role::Admin];

    /// The word in the database, in JSON and for people.
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Annotator => "annotator",
            Role::Engineer => "engineer",
            Role::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Role::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("{text:?} is no role"))
    }
}

const SELECT: &str = "SELECT id, owner_id, name, role, password, created_ms FROM users";

impl Store {
    /// Whether anybody may sign in.
    pub fn has_users(&self) -> Result<bool, StoreError> {
        let connection = self.reader()?;
        Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?)
    }

    /// Adds a user. The first one is given what was made on the command line.
    pub fn add_user(
        &self,
        name: &str,
        role: Role,
        password_hash: &str,
    ) -> Result<User, StoreError> {
        check_name("user", name)?;
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let first: bool =
            transaction
                .query_row("SELECT NOT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?;
        let owner = if first { OwnerId::LOCAL } else { OwnerId::new() };
        if !first {
            transaction
                .execute(
                    "INSERT INTO owners (id, name, created_ms) VALUES (?1, ?2, ?3)",
                    params![owner.to_string(), format!("user {name}"), now_ms()],
                )
                .map_err(taken("user", name))?;
        }
        let user =
            User { id: UserId::new(), name: name.to_owned(), role, created_ms: now_ms(), owner };
        transaction
            .execute(
                "INSERT INTO users (id, owner_id, name, role, password, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    user.id.to_string(),
                    owner.to_string(),
                    name,
                    role.name(),
                    password_hash,
                    user.created_ms
                ],
            )
            .map_err(taken("user", name))?;
        transaction.commit()?;
        Ok(user)
    }

    /// Users, by name.
    pub fn users(&self, page: &PageOf) -> Result<Page<User>, StoreError> {
        let users = list(
            &*self.reader()?,
            &format!("{SELECT} WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2"),
            params![page.cursor, page.fetched()],
            read_user,
        )?;
        Ok(page.page(users, |user| user.name.clone()))
    }

    /// The user of this name, with the hash of the password.
    pub fn user_by_name(&self, name: &str) -> Result<Option<(User, String)>, StoreError> {
        one(&*self.reader()?, &format!("{SELECT} WHERE name = ?1"), [name], |row| {
            Ok((read_user(row)?, plain(row, "password")?))
        })
    }

    /// The user, with the hash of the password.
    pub fn user(&self, id: UserId) -> Result<(User, String), StoreError> {
        let user =
            one(&*self.reader()?, &format!("{SELECT} WHERE id = ?1"), [id.to_string()], |row| {
                Ok((read_user(row)?, plain(row, "password")?))
            })?;
        user.ok_or_else(|| unknown("user", id))
    }

    /// Gives a user another role, which counts from the next request on. The last admin stays one.
    pub fn set_role(&self, id: UserId, role: Role) -> Result<User, StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let user =
            one(&transaction, &format!("{SELECT} WHERE id = ?1"), [id.to_string()], read_user)?;
        let user = user.ok_or_else(|| unknown("user", id))?;
        if role != Role::Admin {
            check_other_admin(&transaction, &user)?;
        }
        transaction.execute(
            "UPDATE users SET role = ?2 WHERE id = ?1",
            params![id.to_string(), role.name()],
        )?;
        transaction.commit()?;
        Ok(User { role, ..user })
    }

    /// Changes a password and ends all sessions of the user.
    pub fn set_password(&self, id: UserId, password_hash: &str) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        transaction.execute(
            "UPDATE users SET password = ?2 WHERE id = ?1",
            params![id.to_string(), password_hash],
        )?;
        transaction.execute("DELETE FROM sessions WHERE user_id = ?1", [id.to_string()])?;
        transaction.commit()?;
        Ok(())
    }

    /// Removes a user who has nothing: no datasets, no runs, no models, no devices, no work in the
    /// queue. What could still be used (tokens, uploads, saved pipelines) goes with the user. The
    /// last admin stays.
    pub fn delete_user(&self, id: UserId) -> Result<(), StoreError> {
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        let user =
            one(&transaction, &format!("{SELECT} WHERE id = ?1"), [id.to_string()], read_user)?;
        let user = user.ok_or_else(|| unknown("user", id))?;
        let in_use = |reason: &str| StoreError::InUse {
            kind: "user",
            name: user.name.clone(),
            reason: reason.to_owned(),
        };
        check_other_admin(&transaction, &user)?;
        for (rows, what) in [
            ("datasets WHERE", "datasets"),
            ("runs WHERE", "runs"),
            ("models WHERE", "models"),
            ("devices WHERE", "devices"),
            ("jobs WHERE status IN ('queued', 'running') AND", "jobs in the queue"),
        ] {
            let owned: bool = transaction.query_row(
                &format!("SELECT EXISTS (SELECT 1 FROM {rows} owner_id = ?1)"),
                [user.owner.to_string()],
                |row| row.get(0),
            )?;
            if owned {
                return Err(in_use(&format!("the user has {what}: delete these first")));
            }
        }
        transaction.execute("DELETE FROM users WHERE id = ?1", [id.to_string()])?;
        transaction.execute(
            "INSERT OR IGNORE INTO loose_files (path, name)
             SELECT 'uploads/' || id, id FROM uploads WHERE owner_id = ?1
             UNION ALL SELECT 'evaluations/' || id || '.csv', id FROM jobs WHERE owner_id = ?1",
            [user.owner.to_string()],
        )?;
        // The owner of the command line stays, and what was shared with the user must not stay with it.
        transaction
            .execute("DELETE FROM dataset_shares WHERE owner_id = ?1", [user.owner.to_string()])?;
        forget_imported_files(&transaction, "f.owner_id = ?1", &[&user.owner.to_string()])?;
        for table in ["jobs", "uploads", "pipelines", "enrolment_tokens", "recorders"] {
            let sql = format!("DELETE FROM {table} WHERE owner_id = ?1");
            transaction.execute(&sql, [user.owner.to_string()])?;
        }
        if user.owner != OwnerId::LOCAL {
            transaction.execute("DELETE FROM owners WHERE id = ?1", [user.owner.to_string()])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Refuses to take away the only admin.
fn check_other_admin(connection: &Connection, user: &User) -> Result<(), StoreError> {
    let others: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND id <> ?1)",
        [user.id.to_string()],
        |row| row.get(0),
    )?;
    if user.role != Role::Admin || others {
        return Ok(());
    }
    let reason = "it is the only admin: make another one first".to_owned();
    Err(StoreError::InUse { kind: "user", name: user.name.clone(), reason })
}

pub(super) fn read_user(row: &Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: parsed(row, "id")?,
        name: plain(row, "name")?,
        role: parsed(row, "role")?,
        created_ms: plain(row, "created_ms")?,
        owner: parsed(row, "owner_id")?,
    })
}
