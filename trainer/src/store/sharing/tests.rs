use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::{PageOf, UserId, UserRole, migrations};

const ALL: PageOf = PageOf { limit: 1000, cursor: None };

fn id(end: u8) -> String {
    format!("01890000-0000-7000-8000-0000000000{end:02}")
}

/// A database as the program before this migration left it: two users with a dataset of the same name each,
/// and one of the command line.
fn old_database(path: &std::path::Path) {
    let mut connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    migrations().to_version(&mut connection, 7).unwrap();
    let digest = "ab".repeat(32);
    let dataset = |dataset: u8, owner: &str, name: &str| {
        format!(
            "INSERT INTO datasets VALUES ('{0}', '{owner}', '{name}', 5);
             INSERT INTO dataset_versions VALUES ('{1}', '{0}', 1, '{digest}', 6);
             INSERT INTO recordings VALUES ('{2}', '{0}', 'r', '{digest}', 10, 100.0, 0, '[]', 6);
             INSERT OR IGNORE INTO annotations (digest, labels, tags) VALUES ('{digest}', '[]', '{{}}');
             INSERT INTO dataset_version_entries (version_id, position, recording_id, annotation)
             VALUES ('{1}', 0, '{2}', '{digest}');",
            id(dataset),
            id(dataset + 1),
            id(dataset + 2)
        )
    };
    let rows = [
        format!("INSERT INTO owners VALUES ('{}', 'user ada', 1);", id(1)),
        format!("INSERT INTO owners VALUES ('{}', 'user bob', 1);", id(2)),
        format!(
            "INSERT INTO users VALUES ('{}', '{}', 'admin', 'admin', 'h0', 1);",
            id(10),
            OwnerId::LOCAL
        ),
        format!("INSERT INTO users VALUES ('{}', '{}', 'ada', 'user', 'h1', 2);", id(11), id(1)),
        format!("INSERT INTO users VALUES ('{}', '{}', 'bob', 'user', 'h2', 3);", id(12), id(2)),
        format!("INSERT INTO sessions VALUES ('{digest}', '{}', 1, 1);", id(11)),
        format!(
            "INSERT INTO api_keys (id, user_id, name, start, digest, scopes, created_ms)
             VALUES ('{}', '{}', 'k', 'cme_', '{digest}', '[\"read\",\"training\"]', 1);",
            id(20),
            id(11)
        ),
        dataset(30, &id(1), "pump"),
        dataset(40, &id(2), "pump"),
        dataset(50, &OwnerId::LOCAL.to_string(), "fan"),
    ];
    connection.execute_batch(&rows.concat()).unwrap();
}

#[test]
fn an_old_database_keeps_its_owners_and_shows_no_more_than_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cirame.db");
    old_database(&path);
    let store = Store::open(&path).unwrap();
    let users = store.users(&ALL).unwrap().items;
    let told: Vec<(&str, UserRole)> = users.iter().map(|u| (u.name.as_str(), u.role)).collect();
    assert_eq!(
        told,
        [("ada", UserRole::Engineer), ("admin", UserRole::Admin), ("bob", UserRole::Engineer)]
    );
    assert_eq!(store.user(id(11).parse::<UserId>().unwrap()).unwrap().1, "h1");
    for (owner, own) in [(id(1), "pump"), (id(2), "pump"), (OwnerId::LOCAL.to_string(), "fan")] {
        let owner: OwnerId = owner.parse().unwrap();
        let seen = store.datasets(owner, &ALL).unwrap().items;
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].name.as_str(), seen[0].created_ms), (own, 5));
        assert_eq!(seen[0].standing.access, Access::Own);
        assert!(!seen[0].standing.is_shared && seen[0].standing.target.is_none());
        assert_eq!(store.dataset_version(owner, own, None).unwrap().entries.len(), 1);
    }
    let ada: OwnerId = id(1).parse().unwrap();
    assert!(store.dataset_version(ada, "bob:pump", None).is_err());
    assert!(store.recording(ada, id(42).parse().unwrap()).is_err());
    // Keys and sessions are still those of their users.
    let key = store.key_user("ab".repeat(32).parse().unwrap(), 2).unwrap().unwrap();
    assert_eq!((key.user.name.as_str(), key.user.role), ("ada", UserRole::Engineer));
    let sessions: u32 =
        store.writer().query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap();
    assert_eq!(sessions, 1);
    store.delete_user(id(12).parse().unwrap()).unwrap_err();
}

/// Which users are named with which access, and what everybody may do.
fn sharings() -> impl Strategy<Value = (Option<bool>, BTreeMap<usize, bool>)> {
    (any::<Option<bool>>(), proptest::collection::btree_map(0..4_usize, any::<bool>(), 0..4))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is shared with whom: each sees what is theirs and what is shared with them, in lists and one
    /// by one, and may do what the more generous share says.
    #[test]
    fn everybody_sees_what_is_shared_with_them(shared in proptest::collection::vec(sharings(), 4)) {
        let to = |label: bool| if label { SharedTo::Label } else { SharedTo::Read };
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("t.db")).unwrap();
        let users: Vec<_> = (0..4)
            .map(|n| store.add_user(&format!("u{n}"), UserRole::Viewer, "h").unwrap())
            .collect();
        for (number, (everybody, named)) in shared.iter().enumerate() {
            let owner = users[number].owner;
            store.add_to_dataset(owner, "d", &[]).unwrap();
            let named = named.iter().filter(|(other, _)| **other != number);
            let sharing = Sharing {
                everybody: everybody.map(to),
                users: named
                    .map(|(other, label)| UserShare { user: format!("u{other}"), access: to(*label) })
                    .collect(),
            };
            store.share_dataset(owner, "d", &sharing).unwrap();
            prop_assert_eq!(store.sharing(owner, "d").unwrap(), sharing);
        }
        for (viewer, user) in users.iter().enumerate() {
            let mut expected = BTreeMap::new();
            for (number, (everybody, named)) in shared.iter().enumerate() {
                let shares = everybody.iter().chain(named.get(&viewer));
                let access = shares.map(|label| if *label { Access::Label } else { Access::Read }).max();
                match access {
                    _ if number == viewer => drop(expected.insert("d".to_owned(), Access::Own)),
                    Some(access) => drop(expected.insert(format!("u{number}:d"), access)),
                    None => {
                        let refused = store.dataset_version(user.owner, &format!("u{number}:d"), None);
                        let unknown = matches!(refused, Err(StoreError::Unknown { .. }));
                        prop_assert!(unknown);
                    }
                }
            }
            let list = store.datasets(user.owner, &ALL).unwrap().items;
            let listed: BTreeMap<String, Access> =
                list.iter().map(|d| (d.name.clone(), d.standing.access)).collect();
            prop_assert_eq!(&listed, &expected);
            for (name, access) in expected {
                let version = store.dataset_version(user.owner, &name, None).unwrap();
                prop_assert_eq!(&version.dataset, &name);
                let standing = store.dataset_standing(user.owner, &name).unwrap();
                prop_assert_eq!(standing.access, access);
                let owns = store.set_dataset_target(user.owner, &name, None).is_ok();
                prop_assert_eq!(owns, access == Access::Own);
            }
        }
    }
}
