//! `users`: who may sign in, managed where the data lies.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::report::{Report, TextTable, moment};
use crate::secret::{hash_password, random_password};
use crate::store::{PageOf, Store, User, UserRole};

/// List who may sign in to the service, add and remove users, give them roles, or set a lost password anew.
/// The service must not run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cirame-trainer users list
  cirame-trainer users add ada --role annotator
  cirame-trainer users set-role ada engineer
  cirame-trainer users remove ada
  cirame-trainer users reset-password admin")]
pub(super) struct Users {
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// All users, by name.
    List,
    /// Add a user with a random password, which is printed.
    Add {
        /// The name to sign in with: letters, digits, '.', '_' and '-'.
        name: String,
        /// What the user may do; each role may do what those before it may.
        #[arg(long)]
        role: UserRole,
    },
    /// Give a user another role. The last admin stays one.
    SetRole {
        /// The user's name.
        name: String,
        /// What the user may do; each role may do what those before it may.
        role: UserRole,
    },
    /// Remove a user who has no datasets, runs, models and devices. The last admin stays.
    Remove {
        /// The user's name.
        name: String,
    },
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
                    let role = user.role.name().to_owned();
                    table.row(vec![user.name.clone(), role, moment(user.created_ms)]);
                }
                let text = match users.is_empty() {
                    true => "no users yet: the first start of `serve` makes one\n".to_owned(),
                    false => table.render(),
                };
                Ok(Report { text, json: super::to_json(&users) })
            }
            UsersCommand::Add { name, role } => {
                let password = random_password()?;
                let user = store.add_user(name, *role, &hash_password(&password)?)?;
                let role = user.role.name();
                let text = format!("{name} may sign in as {role} with the password {password}\n");
                let json = json!({ "user": name, "role": role, "password": password });
                Ok(Report { text, json })
            }
            UsersCommand::SetRole { name, role } => {
                let user = store.set_role(known(store, name)?.id, *role)?;
                let text = format!("{name} is {} now\n", user.role.name());
                Ok(Report { text, json: super::to_json(&user) })
            }
            UsersCommand::Remove { name } => {
                store.delete_user(known(store, name)?.id)?;
                folder.sweep()?;
                let text = format!("{name} may not sign in any more\n");
                Ok(Report { text, json: json!({ "user": name, "removed": true }) })
            }
            UsersCommand::ResetPassword { name } => {
                let user = known(store, name)?;
                let password = random_password()?;
                store.set_password(user.id, &hash_password(&password)?)?;
                let text = format!("the new password of {name} is {password}\n");
                Ok(Report { text, json: json!({ "user": name, "password": password }) })
            }
        }
    }
}

fn known(store: &Store, name: &str) -> anyhow::Result<User> {
    let found = store.user_by_name(name)?.map(|(user, _)| user);
    found.ok_or_else(|| {
        anyhow::anyhow!("there is no user {name:?}: `cirame-trainer users list` shows all")
    })
}
