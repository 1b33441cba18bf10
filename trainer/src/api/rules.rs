//! Who may ask for what: one line for every route. A route that no line names is refused, and a
//! test walks the OpenAPI document to find it. `docs/roles.md` shows the table.

use super::rules::Access::{Device, Either, Open, Session, Signed};
use crate::store::Scope::{self, Data, Devices, Read, Training};
use crate::store::UserRole::{self, Admin, Engineer, Viewer};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// The device that the path names, by its signature.
    Device,
    /// A session, or an API key with this scope, of a user whose role has it.
    Signed(Scope),
    /// The same with one of two scopes.
    Either(Scope, Scope),
    /// A session alone, as keys must not make keys, of a user with this role or one above it.
    Session(UserRole),
}

impl Access {
    /// The least role that may use it; none where no user is asked for.
    pub fn least_role(self) -> Option<UserRole> {
        match self {
            Open | Device => None,
            Signed(scope) => Some(scope.least_role()),
            Either(one, other) => Some(one.least_role().min(other.least_role())),
            Session(role) => Some(role),
        }
    }

    /// Whether a key with these scopes may use it.
    pub fn takes_key(self, scopes: &[Scope]) -> bool {
        match self {
            Open | Device => true,
            Signed(scope) => scopes.contains(&scope),
            Either(one, other) => scopes.contains(&one) || scopes.contains(&other),
            Session(_) => false,
        }
    }
}

/// Every route: method, path, who may use it.
pub const RULES: &[(&str, &str, Access)] = &[
    ("GET", "/api/health", Open),
    ("POST", "/api/session", Open),
    ("GET", "/api/session", Session(Viewer)),
    ("DELETE", "/api/session", Session(Viewer)),
    ("PUT", "/api/session/password", Session(Viewer)),
    ("GET", "/api/users", Session(Admin)),
    ("POST", "/api/users", Session(Admin)),
    ("DELETE", "/api/users/{id}", Session(Admin)),
    ("PUT", "/api/users/{id}/role", Session(Admin)),
    ("PUT", "/api/users/{id}/password", Session(Admin)),
    ("GET", "/api/keys", Session(Viewer)),
    ("POST", "/api/keys", Session(Viewer)),
    ("DELETE", "/api/keys/{id}", Session(Viewer)),
    ("GET", "/api/jobs", Signed(Read)),
    ("GET", "/api/jobs/{id}", Signed(Read)),
    ("GET", "/api/jobs/{id}/events", Signed(Read)),
    ("POST", "/api/jobs/{id}/cancel", Either(Data, Training)),
    ("GET", "/api/data/sources", Signed(Read)),
    ("GET", "/api/data/datasets", Signed(Read)),
    ("GET", "/api/data/datasets/{name}", Signed(Read)),
    ("DELETE", "/api/data/datasets/{name}", Signed(Data)),
    ("GET", "/api/data/datasets/{name}/sharing", Signed(Read)),
    ("PUT", "/api/data/datasets/{name}/sharing", Signed(Data)),
    ("PUT", "/api/data/datasets/{name}/target", Signed(Data)),
    ("GET", "/api/data/datasets/{name}/versions", Signed(Read)),
    ("GET", "/api/data/datasets/{name}/versions/{number}", Signed(Read)),
    ("GET", "/api/data/datasets/{name}/versions/{number}/overview", Signed(Read)),
    ("POST", "/api/data/datasets/{name}/imports", Signed(Data)),
    ("POST", "/api/data/datasets/{name}/imports/preview", Signed(Data)),
    ("POST", "/api/data/datasets/{name}/repairs", Signed(Data)),
    ("GET", "/api/data/recordings/{id}", Signed(Read)),
    ("GET", "/api/data/recordings/{id}/lineage", Signed(Read)),
    ("POST", "/api/data/recordings/{id}/replay", Signed(Data)),
    ("GET", "/api/data/recordings/{id}/samples", Signed(Read)),
    ("GET", "/api/data/recordings/{id}/spectrum", Signed(Read)),
    ("GET", "/api/data/recordings/{id}/spectrogram", Signed(Read)),
    ("PUT", "/api/data/recordings/{id}/labels", Signed(Data)),
    ("PUT", "/api/data/recordings/{id}/tags", Signed(Data)),
    ("GET", "/api/data/datasets/{name}/labels/changes", Signed(Read)),
    ("POST", "/api/data/datasets/{name}/labels/changes", Signed(Data)),
    ("DELETE", "/api/data/recordings/{id}", Signed(Data)),
    ("GET", "/api/data/recorders", Signed(Read)),
    ("POST", "/api/data/recorders", Signed(Data)),
    ("GET", "/api/data/recorders/{id}", Signed(Read)),
    ("PUT", "/api/data/recorders/{id}/label", Signed(Data)),
    ("POST", "/api/data/recorders/{id}/stop", Signed(Data)),
    ("POST", "/api/data/topics", Signed(Data)),
    ("GET", "/api/data/uploads", Signed(Read)),
    ("POST", "/api/data/uploads", Signed(Data)),
    ("GET", "/api/data/uploads/{id}", Signed(Read)),
    ("PATCH", "/api/data/uploads/{id}", Signed(Data)),
    ("DELETE", "/api/data/uploads/{id}", Signed(Data)),
    ("POST", "/api/training/data", Signed(Data)),
    ("POST", "/api/testing/data", Signed(Data)),
    ("GET", "/api/features/catalogue", Signed(Read)),
    ("GET", "/api/features/pipelines", Signed(Read)),
    ("POST", "/api/features/pipelines", Signed(Training)),
    ("POST", "/api/features/pipelines/preview", Signed(Read)),
    ("GET", "/api/features/pipelines/{name}", Signed(Read)),
    ("DELETE", "/api/features/pipelines/{name}", Signed(Training)),
    ("GET", "/api/training/estimators", Signed(Read)),
    ("GET", "/api/training/runs", Signed(Read)),
    ("POST", "/api/training/runs", Signed(Training)),
    ("GET", "/api/training/runs/{id}", Signed(Read)),
    ("GET", "/api/training/runs/{id}/windows", Signed(Read)),
    ("GET", "/api/training/runs/{id}/curves", Signed(Read)),
    ("POST", "/api/training/evaluations", Signed(Training)),
    ("GET", "/api/training/evaluations/{id}/results", Signed(Read)),
    ("GET", "/api/training/models", Signed(Read)),
    ("GET", "/api/training/models/{name}", Signed(Read)),
    ("DELETE", "/api/training/models/{name}", Signed(Training)),
    ("GET", "/api/training/models/{name}/versions/{number}", Signed(Read)),
    ("DELETE", "/api/training/models/{name}/versions/{number}", Signed(Training)),
    ("PUT", "/api/training/models/{name}/versions/{number}/stage", Signed(Training)),
    ("PUT", "/api/training/models/{name}/versions/{number}/signature", Signed(Training)),
    ("GET", "/api/training/models/{name}/versions/{number}/artifact", Signed(Read)),
    ("GET", "/api/training/models/{name}/versions/{number}/proof", Signed(Read)),
    ("GET", "/api/enrolment-tokens", Signed(Devices)),
    ("POST", "/api/enrolment-tokens", Signed(Devices)),
    ("DELETE", "/api/enrolment-tokens/{id}", Signed(Devices)),
    ("POST", "/api/devices/enrol", Open),
    ("POST", "/api/devices/{id}/heartbeat", Device),
    ("GET", "/api/devices/{id}/artifacts/{sha256}", Device),
    ("GET", "/api/devices", Signed(Read)),
    ("GET", "/api/devices/events", Signed(Read)),
    ("GET", "/api/devices/{id}", Signed(Read)),
    ("DELETE", "/api/devices/{id}", Signed(Devices)),
    ("GET", "/api/deployments", Signed(Read)),
    ("POST", "/api/deployments", Signed(Devices)),
    ("GET", "/api/deployments/{id}", Signed(Read)),
    ("DELETE", "/api/deployments/{id}", Signed(Devices)),
    ("GET", "/api/demo", Signed(Read)),
    ("DELETE", "/api/demo", Session(Engineer)),
    ("GET", "/api/openapi.json", Signed(Read)),
    ("GET", "/api/docs", Signed(Read)),
    ("GET", "/api/docs/", Signed(Read)),
    ("GET", "/api/docs/{*rest}", Signed(Read)),
    ("GET", "/metrics", Signed(Read)),
    ("GET", "/install", Open),
    ("GET", "/install/{program}", Open),
];

/// Who may use this route; none where no line names it. `HEAD` is as `GET`.
pub fn access(method: &str, path: &str) -> Option<Access> {
    let method = if method == "HEAD" { "GET" } else { method };
    let rule = RULES.iter().find(|(m, p, _)| *m == method && *p == path);
    rule.map(|(_, _, access)| *access)
}

/// Whether any line names this path, whatever the method.
pub fn is_known(path: &str) -> bool {
    RULES.iter().any(|(_, known, _)| *known == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of the table in the documentation.
    fn line(method: &str, path: &str, access: Access) -> String {
        let who = match access {
            Access::Open => "everybody",
            Access::Device => "a device",
            _ => access.least_role().expect("a user is asked for").name(),
        };
        let key = match access {
            Access::Signed(scope) => scope.name().to_owned(),
            Access::Either(one, other) => format!("{} or {}", one.name(), other.name()),
            Access::Open | Access::Device | Access::Session(_) => "–".to_owned(),
        };
        format!("| `{method} {path}` | {who} | {key} |\n")
    }

    #[test]
    fn the_documentation_has_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let table: String = RULES.iter().map(|(m, p, access)| line(m, p, *access)).collect();
        assert!(text.contains(&table), "docs/roles.md is to have these lines:\n{table}");
        let lines = text.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(lines, RULES.len(), "docs/roles.md has lines of routes that are not there");
    }

    #[test]
    fn a_route_has_one_rule() {
        for (index, (method, path, _)) in RULES.iter().enumerate() {
            let again = RULES[..index].iter().any(|(m, p, _)| m == method && p == path);
            assert!(!again, "{method} {path} is named twice");
        }
    }

    #[test]
    fn only_health_login_enrolment_and_the_edge_program_are_open() {
        let open: Vec<&str> = RULES
            .iter()
            .filter(|(_, _, access)| *access == Open)
            .map(|(_, path, _)| *path)
            .collect();
        let expected =
            ["/api/health", "/api/session", "/api/devices/enrol", "/install", "/install/{program}"];
        assert_eq!(open, expected);
    }
}
