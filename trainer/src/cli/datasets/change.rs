//! What the owner of a dataset says about it: who may see it, what it is for, facts about recordings.

use std::collections::BTreeMap;

use anyhow::ensure;
use clap::Args;
use serde_json::json;

use super::super::report::Report;
use super::super::to_json;
use super::tags;
use crate::ingest::NameValue;
use crate::recording::check_tags;
use crate::store::{OwnerId, Retagging, SharedTo, Sharing, Store, UserShare};
use crate::training::settings::{Selector, TargetName};

/// Who may see a dataset beside its owner.
#[derive(Debug, Args)]
pub(super) struct Share {
    /// Name of the dataset.
    dataset: String,
    /// What everybody who can sign in may do.
    #[arg(long, value_name = "ACCESS")]
    everybody: Option<SharedTo>,
    /// What one user may do, as USER=read or USER=label.
    #[arg(long = "with", value_name = "USER=ACCESS")]
    with: Vec<NameValue>,
    /// A user who may see it no longer, or `everybody`.
    #[arg(long = "without", value_name = "USER")]
    without: Vec<String>,
}

/// What a dataset is to predict.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// Name of the dataset.
    dataset: String,
    /// A channel, or tag:NAME for a tag with a number.
    #[arg(required_unless_present = "none")]
    target: Option<TargetName>,
    /// It names no target any more.
    #[arg(long, conflicts_with = "target")]
    none: bool,
}

/// Facts about recordings.
#[derive(Debug, Args)]
pub(super) struct Tag {
    /// Name of the dataset.
    dataset: String,
    /// Tags, such as machine=7, load=40, operator=ada or session=2.
    #[arg(value_name = "NAME=VALUE", required_unless_present = "remove")]
    set: Vec<NameValue>,
    /// Tags that are taken away.
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
    /// Only these recordings: tag:NAME=VALUE or recording:NAME, where * is any text.
    #[arg(long, value_name = "RECORDINGS", value_delimiter = ',')]
    only: Vec<Selector>,
}

impl Share {
    pub(super) fn run(&self, store: &Store) -> anyhow::Result<Report> {
        let before = store.sharing(OwnerId::LOCAL, &self.dataset)?;
        let everybody_goes = self.without.iter().any(|user| user == "everybody");
        let kept = before.everybody.filter(|_| !everybody_goes);
        let mut users: BTreeMap<String, SharedTo> =
            before.users.iter().map(|share| (share.user.clone(), share.access)).collect();
        for user in self.without.iter().filter(|user| *user != "everybody") {
            let known = users.remove(user).is_some();
            ensure!(known, "dataset {} is not shared with {user:?}", self.dataset);
        }
        for NameValue { name, value } in &self.with {
            let access = value.parse::<SharedTo>().map_err(|error| {
                anyhow::anyhow!("--with {name}={value}: {error}: `read` or `label` is expected")
            })?;
            users.insert(name.clone(), access);
        }
        let users = users.into_iter().map(|(user, access)| UserShare { user, access }).collect();
        let sharing = Sharing { everybody: self.everybody.or(kept), users };
        store.share_dataset(OwnerId::LOCAL, &self.dataset, &sharing)?;
        Ok(Report { text: shared(&self.dataset, &sharing), json: to_json(&sharing) })
    }
}

/// Whom a dataset is shared with, for people.
fn shared(dataset: &str, sharing: &Sharing) -> String {
    let all = sharing.everybody.map(|access| ("everybody", access));
    let named = sharing.users.iter().map(|share| (share.user.as_str(), share.access));
    let lines: Vec<String> = all
        .into_iter()
        .chain(named)
        .map(|(who, access)| match access {
            SharedTo::Read => format!("  {who} may look at it\n"),
            SharedTo::Label => format!("  {who} may look at it and label it\n"),
        })
        .collect();
    match lines.is_empty() {
        true => format!("dataset {dataset} is private\n"),
        false => format!("dataset {dataset} is shared:\n{}", lines.concat()),
    }
}

impl Target {
    pub(super) fn run(&self, store: &Store) -> anyhow::Result<Report> {
        let target = self.target.as_ref();
        store.set_dataset_target(OwnerId::LOCAL, &self.dataset, target)?;
        let text = match target {
            Some(target) => format!("a regression on {} predicts {target}\n", self.dataset),
            None => format!("dataset {} names no target\n", self.dataset),
        };
        Ok(Report { text, json: json!({ "dataset": self.dataset, "target": target }) })
    }
}

impl Tag {
    pub(super) fn run(&self, store: &Store) -> anyhow::Result<Report> {
        let set: BTreeMap<String, String> =
            self.set.iter().map(|tag| (tag.name.clone(), tag.value.clone())).collect();
        check_tags(&set).map_err(anyhow::Error::msg)?;
        let before = store.dataset_version(OwnerId::LOCAL, &self.dataset, None)?;
        if !self.only.is_empty() {
            let meant = before.entries.iter().any(|e| crate::training::selected(e, &self.only));
            ensure!(meant, "dataset {} has no recording that --only names", self.dataset);
        }
        let change = Retagging { only: self.only.clone(), set, remove: self.remove.clone() };
        let version = store.retag(OwnerId::LOCAL, &self.dataset, &change)?;
        let changed = version.number != before.number;
        let text = format!(
            "dataset {} version {}{}: {}\n",
            version.dataset,
            version.number,
            if changed { "" } else { " (unchanged)" },
            tags(&change.set),
        );
        let json = json!({
            "dataset": version.dataset, "version": version.number, "digest": version.digest,
            "changed": changed,
        });
        Ok(Report { text, json })
    }
}
