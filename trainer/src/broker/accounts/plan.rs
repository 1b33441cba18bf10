//! What a broker is asked so that its accounts are those that there shall be. Knows no network.

use std::collections::{BTreeMap, BTreeSet};

use model_format::id::Digest;
use model_format::protocol::{
    alarms_topic, command_topic, results_topic, samples_topic, status_topic,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::broker::BrokerSecret;
use crate::mqtt::ControlCommand;

/// What marks an account of a device, and one of a sensor, for people and for us.
const DEVICE_TEXT: &str = "CiRA ME device";
const SENSOR_TEXT: &str = "CiRA ME sensor";

/// The role of all sensors.
const SENSOR_ROLE: &str = "cirame-sensor";

/// What accounts are made of.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) secret: BrokerSecret,
    /// First levels of all topics.
    pub(super) prefix: String,
    /// Topics that devices may read besides their samples.
    pub(super) device_topics: Vec<String>,
}

/// An account, as the broker lists it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct KnownClient {
    username: String,
    #[serde(default)]
    textname: String,
    #[serde(default)]
    textdescription: String,
    #[serde(default)]
    roles: Vec<KnownRole>,
}

/// A role, as the broker lists it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct KnownRole {
    rolename: String,
    #[serde(default)]
    textdescription: String,
}

/// What the broker knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) clients: Vec<KnownClient>,
    pub(super) roles: Vec<KnownRole>,
}

impl Known {
    /// Whether an account has this name.
    pub(super) fn has(&self, username: &str) -> bool {
        self.clients.iter().any(|client| client.username == username)
    }
}

/// What is to be done about sensors.
#[derive(Debug, Default)]
pub(super) struct SensorPlan {
    pub(super) commands: Vec<ControlCommand>,
    /// Names that other accounts have.
    pub(super) taken: Vec<String>,
}

/// What shows that a password was made of this secret; says nothing about either.
fn mark(secret: &BrokerSecret) -> String {
    format!("secret {}", &Digest::of(secret.password_for("").as_bytes()).to_string()[..16])
}

impl Rules {
    /// What turns the accounts that are known into one for each of `devices`. Accounts of devices
    /// that are gone are removed where they are ours; all others are left alone.
    pub(super) fn plan(&self, known: &Known, devices: &BTreeSet<String>) -> Vec<ControlCommand> {
        let mut commands = Vec::new();
        for device in devices {
            let role = device_role(device);
            commands.extend(self.role(known, &role, DEVICE_TEXT, &self.device_rights(device)));
            commands.extend(self.client(known, device, &role, DEVICE_TEXT));
        }
        let gone = known.clients.iter().filter(|client| {
            self.is_ours(client, DEVICE_TEXT) && !devices.contains(&client.username)
        });
        for client in gone {
            let username = &client.username;
            commands.push(ControlCommand::new("deleteClient", json!({ "username": username })));
            let rolename = device_role(username);
            if known.roles.iter().any(|role| role.rolename == rolename) {
                commands.push(ControlCommand::new("deleteRole", json!({ "rolename": rolename })));
            }
        }
        commands
    }

    /// What gives sensors that are wanted their accounts, and takes those away that are not; and the names
    /// that somebody else has.
    pub(super) fn plan_sensors(
        &self,
        known: &Known,
        sensors: &BTreeMap<String, bool>,
    ) -> SensorPlan {
        let (mut clients, mut taken) = (Vec::new(), Vec::new());
        for (name, &is_wanted) in sensors {
            let client = known.clients.iter().find(|client| client.username == *name);
            match (client, is_wanted) {
                (Some(client), true) if client.textname != SENSOR_TEXT => taken.push(name.clone()),
                (_, true) => clients.extend(self.client(known, name, SENSOR_ROLE, SENSOR_TEXT)),
                (Some(client), false) if self.is_ours(client, SENSOR_TEXT) => {
                    clients.push(ControlCommand::new("deleteClient", json!({ "username": name })));
                }
                (_, false) => {}
            }
        }
        let rights = [allow("publishClientSend", samples_topic(&self.prefix, "#"))];
        let is_any_wanted = sensors.values().any(|&is_wanted| is_wanted);
        let role = is_any_wanted.then(|| self.role(known, SENSOR_ROLE, SENSOR_TEXT, &rights));
        SensorPlan { commands: role.flatten().into_iter().chain(clients).collect(), taken }
    }

    /// What removes the account of a sensor; nothing where there is none.
    pub(super) fn plan_removal(known: &Known, name: &str) -> Option<ControlCommand> {
        let client = known.clients.iter().find(|client| client.username == name)?;
        (client.textname == SENSOR_TEXT)
            .then(|| ControlCommand::new("deleteClient", json!({ "username": name })))
    }

    fn is_ours(&self, client: &KnownClient, text: &str) -> bool {
        client.textname == text && client.textdescription == mark(&self.secret)
    }

    /// What a device does, as docs/mqtt.md says it, and nothing else.
    fn device_rights(&self, device: &str) -> Vec<Value> {
        let prefix = &self.prefix;
        let mut rights = vec![
            allow("publishClientSend", results_topic(prefix, device, "+")),
            allow("publishClientSend", alarms_topic(prefix, device, "+")),
            allow("publishClientSend", status_topic(prefix, device)),
        ];
        let mut read = vec![samples_topic(prefix, "+"), command_topic(prefix, device)];
        read.extend(self.device_topics.iter().cloned());
        for topic in read {
            rights.push(allow("subscribePattern", topic.clone()));
            rights.push(allow("publishClientReceive", topic.clone()));
            rights.push(allow("unsubscribePattern", topic));
        }
        rights
    }

    /// What makes this role, or makes it what it shall be.
    fn role(
        &self,
        known: &Known,
        rolename: &str,
        text: &str,
        rights: &[Value],
    ) -> Option<ControlCommand> {
        let written = Value::from(rights).to_string();
        let description = format!("rights {}", &Digest::of(written.as_bytes()).to_string()[..16]);
        let command = match known.roles.iter().find(|role| role.rolename == rolename) {
            Some(role) if role.textdescription == description => return None,
            Some(_) => "modifyRole",
            None => "createRole",
        };
        let role = json!({
            "rolename": rolename, "textname": text, "textdescription": description, "acls": rights,
        });
        Some(ControlCommand::new(command, role))
    }

    /// What makes this account, or gives it its password and role again.
    fn client(
        &self,
        known: &Known,
        username: &str,
        role: &str,
        text: &str,
    ) -> Option<ControlCommand> {
        let known = known.clients.iter().find(|client| client.username == username);
        let command = match known {
            Some(client)
                if self.is_ours(client, text)
                    && client.roles.iter().any(|r| r.rolename == role) =>
            {
                return None;
            }
            Some(_) => "modifyClient",
            None => "createClient",
        };
        let client = json!({
            "username": username, "password": self.secret.password_for(username),
            "textname": text, "textdescription": mark(&self.secret), "roles": [{ "rolename": role }],
        });
        Some(ControlCommand::new(command, client))
    }
}

/// The role of a device: access lists of mosquitto 2.0 know no patterns with user names.
fn device_role(device: &str) -> String {
    format!("cirame-device-{device}")
}

fn allow(kind: &str, topic: String) -> Value {
    json!({ "acltype": kind, "topic": topic, "priority": 0, "allow": true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(folder: &std::path::Path) -> Rules {
        let secret = BrokerSecret::load_or_make(&folder.join("secret")).unwrap();
        Rules { secret, prefix: "cirame".to_owned(), device_topics: vec!["plant/#".to_owned()] }
    }

    fn names(commands: &[ControlCommand]) -> Vec<&str> {
        commands.iter().map(ControlCommand::name).collect()
    }

    /// What the broker knows after it was asked this.
    fn after(mut known: Known, commands: &[ControlCommand]) -> Known {
        for command in commands {
            let json = serde_json::to_value(command).unwrap();
            let (user, role) = (&json["username"], &json["rolename"]);
            match command.name() {
                "createRole" | "modifyRole" => {
                    known.roles.retain(|known| *role != *known.rolename);
                    known.roles.push(serde_json::from_value(json).unwrap());
                }
                "createClient" | "modifyClient" => {
                    known.clients.retain(|known| *user != *known.username);
                    known.clients.push(serde_json::from_value(json).unwrap());
                }
                "deleteClient" => known.clients.retain(|known| *user != *known.username),
                "deleteRole" => known.roles.retain(|known| *role != *known.rolename),
                other => panic!("{other}"),
            }
        }
        known
    }

    #[test]
    fn accounts_are_made_once_and_go_with_their_devices() {
        let folder = tempfile::tempdir().unwrap();
        let rules = rules(folder.path());
        let admin = json!({ "username": "trainer", "textname": "Dynsec admin user" });
        let known = Known { clients: vec![serde_json::from_value(admin).unwrap()], roles: vec![] };
        let devices = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let first = rules.plan(&known, &devices);
        assert_eq!(names(&first), ["createRole", "createClient", "createRole", "createClient"]);
        let known = after(known, &first);
        assert!(rules.plan(&known, &devices).is_empty(), "asked again, nothing is to be done");
        let left = rules.plan(&known, &BTreeSet::from(["a".to_owned()]));
        assert_eq!(names(&left), ["deleteClient", "deleteRole"]);
        let known = after(known, &left);
        assert_eq!(known.clients.len(), 2, "the admin and a");
    }

    #[test]
    fn another_secret_or_other_rights_change_what_is_there() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let devices = BTreeSet::from(["a".to_owned()]);
        let known = after(Known::default(), &rules(one.path()).plan(&Known::default(), &devices));
        let changed = rules(other.path()).plan(&known, &devices);
        assert_eq!(names(&changed), ["modifyClient"]);
        let more = Rules { device_topics: Vec::new(), ..rules(one.path()) };
        assert_eq!(names(&more.plan(&known, &devices)), ["modifyRole"]);
        // Another trainer at this broker removes nothing of ours.
        assert!(rules(other.path()).plan(&known, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn a_sensor_never_takes_the_name_of_somebody_else() {
        let folder = tempfile::tempdir().unwrap();
        let rules = rules(folder.path());
        let devices = BTreeSet::from(["a".to_owned()]);
        let known = after(Known::default(), &rules.plan(&Known::default(), &devices));
        let wanted = |name: &str, is_wanted| BTreeMap::from([(name.to_owned(), is_wanted)]);
        let plan = rules.plan_sensors(&known, &wanted("a", true));
        assert_eq!((plan.taken, names(&plan.commands)), (vec!["a".to_owned()], vec!["createRole"]));
        assert!(Rules::plan_removal(&known, "a").is_none());
        let made = rules.plan_sensors(&known, &wanted("pump", true));
        assert_eq!(names(&made.commands), ["createRole", "createClient"]);
        let known = after(known, &made.commands);
        assert!(rules.plan_sensors(&known, &wanted("pump", true)).commands.is_empty());
        assert!(rules.plan(&known, &devices).is_empty(), "sensors are left alone");
        assert_eq!(Rules::plan_removal(&known, "pump").unwrap().name(), "deleteClient");
    }

    #[test]
    fn sensors_get_their_accounts_again_and_lose_them_when_they_are_not_wanted() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let rules = self::rules(one.path());
        let both = BTreeMap::from([("fan".to_owned(), true), ("pump".to_owned(), true)]);
        let made = rules.plan_sensors(&Known::default(), &both).commands;
        assert_eq!(names(&made), ["createRole", "createClient", "createClient"]);
        let known = after(Known::default(), &made);
        let left = BTreeMap::from([("fan".to_owned(), false), ("pump".to_owned(), true)]);
        let dropped = rules.plan_sensors(&known, &left).commands;
        assert_eq!(names(&dropped), ["deleteClient"]);
        // Another trainer at this broker takes nothing of ours away.
        assert!(
            self::rules(other.path())
                .plan_sensors(&known, &BTreeMap::from([("fan".to_owned(), false)]))
                .commands
                .is_empty()
        );
        let known = after(known, &dropped);
        assert!(rules.plan_sensors(&known, &left).commands.is_empty());
        // Sensors that this trainer does not know are left alone.
        assert!(rules.plan_sensors(&known, &BTreeMap::new()).commands.is_empty());
    }
}
