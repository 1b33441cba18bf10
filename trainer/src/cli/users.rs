//! `users`: who may sign in, managed where the data lies.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::report::{Report, TextTable, moment};
use crate::secret::{hash_password, random_password};
use crate::store::PageOf;

/// List who may sign in to the service, or set a lost password anew. The service must not run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer users list
  cirame-trainer users reset-password admin")]
pub(super) struct Users {
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// All users, by name.
    List,
    /// Give a user a new random password, which is printed. All sessions of the user end.
    ResetPassword {
        /// The user's name.
        name: String,
    },
}

/// Most users that are listed.
const USERS_MAX: usize = 1000;

impl Users {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<Report> {
        let folder = context.open()?;
        let store = folder.store();
        match &self.command {
            UsersCommand::List => {
                let users = store.users(&PageOf { limit: USERS_MAX, cursor: None })?.items;
                let mut table = TextTable::new(&["user", "role", "made"]);
                for user in &users {
                    let role = super::to_json(&user.role);
                    let role = role.as_str().unwrap_or_default().to_owned();
                    table.row(vec![user.name.clone(), role, moment(user.created_ms)]);
                }
                let text = match users.is_empty() {
                    true => "no users yet: the first start of `serve` makes one\n".to_owned(),
                    false => table.render(),
                };
                Ok(Report { text, json: super::to_json(&users) })
            }
            UsersCommand::ResetPassword { name } => {
                let Some((user, _)) = store.user_by_name(name)? else {
                    anyhow::bail!(
                        "there is no user {name:?}: `cirame-trainer users list` shows all"
                    );
                };
                let password = random_password()?;
                store.set_password(user.id, &hash_password(&password)?)?;
                let text = format!("the new password of {name} is {password}\n");
                Ok(Report { text, json: json!({ "user": name, "password": password }) })
            }
        }
    }
}
