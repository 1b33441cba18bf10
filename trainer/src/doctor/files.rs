//! May the program write its folders, and is the database whole?

use std::path::Path;

use super::Finding;
use crate::data_folder::{FOLDERS, database_path};
use crate::ownership::{is_writable, making, mend, own};
use crate::store::StoreError;
use crate::store::snapshot::{Snapshot, quick_check, schema_version};

/// The data folder, those in it, and the database can be written.
pub(crate) fn check_folders(data: &Path) -> Finding {
    const CHECK: &str = "permissions";
    let (user, group) = own();
    if !data.exists() {
        let above = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        let above = above.ancestors().skip(1).find(|path| path.exists()).map(Path::to_owned);
        let shown = data.display();
        return match above {
            Some(above) if !is_writable(&above) => {
                let denied = std::io::ErrorKind::PermissionDenied.into();
                Finding::failure(CHECK, format!("{shown} cannot be made{}", making(data, &denied)))
            }
            _ => Finding::ok(CHECK, format!("{shown} is not there yet, and can be made")),
        };
    }
    let files = ["cirame.db", "cirame.db-wal", "cirame.db-shm", "broker-secret", "lock", "copying"];
    let paths = FOLDERS.iter().chain(&files).map(|name| data.join(name));
    let mut paths = std::iter::once(data.to_owned()).chain(paths);
    match paths.find(|path| path.exists() && !is_writable(path)) {
        Some(path) => {
            Finding::failure(CHECK, format!("{} cannot be written{}", path.display(), mend(&path)))
        }
        None => {
            let shown = data.display();
            Finding::ok(
                CHECK,
                format!("{shown} and what is in it can be written by the user {user}:{group}"),
            )
        }
    }
}

/// The database is whole, of a version that this program knows, and every file is there that it names.
pub(crate) fn check_database(data: &Path) -> Finding {
    const CHECK: &str = "database";
    let database = database_path(data);
    if !database.exists() {
        return Finding::ok(CHECK, "there is none yet: the first start makes it");
    }
    match looked_at(data, &database) {
        Ok(Ok(text)) => Finding::ok(CHECK, text),
        Ok(Err(text)) => Finding::failure(CHECK, text),
        Err(error) => Finding::failure(CHECK, format!("{}: {error}", database.display())),
    }
}

/// What is well, or else what is not.
fn looked_at(data: &Path, database: &Path) -> Result<Result<String, String>, StoreError> {
    let restore = "end the service and restore a backup with `cirame-trainer restore FILE`";
    let shown = database.display();
    if let Some(fault) = quick_check(database)?.first() {
        return Ok(Err(format!("{shown} is damaged ({fault}): {restore}")));
    }
    let snapshot = Snapshot::open(database)?;
    let (found, known) = (snapshot.schema_version()?, schema_version());
    if found > known {
        return Ok(Err(format!(
            "{shown} is of version {found}, and this program knows {known}: a newer cirame-trainer has \
             worked with it; go on with that one"
        )));
    }
    if found < known {
        return Ok(Ok(format!(
            "{shown} is whole, of version {found}: the next start makes it {known}"
        )));
    }
    let named = snapshot.named_files()?;
    let lost: Vec<_> = named.needed.iter().filter(|path| !data.join(path).is_file()).collect();
    Ok(match lost.first() {
        Some(path) => Err(format!(
            "{} files that the database names are not there, such as {}: bring them back from a backup \
             (`cirame-trainer restore FILE --data OTHER` unpacks one beside), or delete in the console \
             what they belong to",
            lost.len(),
            path.display()
        )),
        None => Ok(format!(
            "{shown} is whole, and the {} files that it names are there",
            named.needed.len()
        )),
    })
}
