//! What people do on the device itself, whether its service runs or not: look at the slots, go back,
//! install a bundle.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use model_format::bundle::BUNDLE_BYTES_MAX;
use model_format::protocol::{DesiredModel, MODELS_MAX};
use serde::Serialize;
use uuid::Uuid;

use super::engines::Engines;
use super::lanes::chosen;
use super::memory::MemoryLimit;
use super::model_keys::ModelKeys;
use super::prepare::{Expected, prepare};
use super::requests::{Answer, Request, requests_path, unpack};
use super::slots::{Book, Slots};
use super::state_folder::{StateFolder, read_bounded};

/// Longest time that a running service is waited for.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(300);
/// How often is looked whether there is an answer.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// The models of one name, as its slots tell of them.
#[derive(Debug, Serialize)]
pub(crate) struct StandingModel {
    /// Name of the model.
    pub(crate) model: String,
    /// The last good model: what serves, where nothing newer does.
    pub(crate) current: Option<DesiredModel>,
    /// The good model before it.
    pub(crate) previous: Option<DesiredModel>,
    /// A model that is on its way, being proved, or new in service.
    pub(crate) candidate: Option<DesiredModel>,
    /// How often it was begun.
    pub(crate) candidate_tries: Option<u32>,
    /// The deployment that failed last.
    pub(crate) failed_deployment: Option<String>,
    /// Why.
    pub(crate) error: Option<String>,
    /// True where an installed model counts, not what the trainer says.
    pub(crate) is_installed: bool,
}

/// How the slots of a state folder stand, by name, and whether a service is using it.
///
/// # Errors
/// There is no such folder, or its slots cannot be read.
pub(crate) fn standing(path: &Path) -> anyhow::Result<(Vec<StandingModel>, bool)> {
    let is_in_use = StateFolder::is_in_use(path)?;
    let book = Book::look(path)?;
    let models = book.models().iter().map(|(name, slots)| {
        let Slots { current, previous, candidate, failed, installed, .. } = slots.clone();
        StandingModel {
            model: name.clone(),
            current,
            previous,
            candidate_tries: candidate.as_ref().map(|candidate| candidate.tries),
            candidate: candidate.map(|candidate| candidate.model),
            failed_deployment: failed.as_ref().map(|failed| failed.deployment_id.clone()),
            error: failed.map(|failed| failed.error),
            is_installed: installed.is_some(),
        }
    });
    Ok((models.collect(), is_in_use))
}

/// Goes back to the model before; what was done.
///
/// # Errors
/// There is none.
pub(crate) fn roll_back(path: &Path, name: Option<&str>) -> anyhow::Result<String> {
    if StateFolder::is_in_use(path)? {
        return ask(path, &Request::RollBack { model: name.map(str::to_owned) }, None);
    }
    let folder = StateFolder::open(path)?;
    let mut book = Book::load(&folder)?;
    let name =
        chosen(name, book.models().keys().map(String::as_str)).map_err(|text| anyhow!(text))?;
    let mut slots = book.slots(&name);
    // A model of the command line is known to a running service alone.
    slots.roll_back(false).map_err(|text| anyhow!(text))?;
    let to = slots.current.as_ref().map(|model| model.version).unwrap_or_default();
    book.save(&folder, &name, slots)?;
    book.clean(&folder);
    Ok(format!("{name} goes back to version {to} when the service starts"))
}

/// Takes a bundle into service, or notes it for the next start of the service; what was done.
///
/// # Errors
/// The bundle is none, is not trusted, or does not pass its proof here.
pub(crate) fn install(path: &Path, bundle: &Path, keys: &ModelKeys) -> anyhow::Result<String> {
    if StateFolder::exists(path) && StateFolder::is_in_use(path)? {
        return ask(path, &Request::Install {}, Some(bundle));
    }
    let folder = StateFolder::open(path)?;
    let mut book = Book::load(&folder)?;
    let model = unpack(bundle, &folder, keys).map_err(|text| anyhow!(text))?;
    let noted = prove_and_note(&folder, &mut book, keys, model);
    // What was not noted has no slot, and goes.
    book.clean(&folder);
    noted
}

fn prove_and_note(
    folder: &StateFolder,
    book: &mut Book,
    keys: &ModelKeys,
    model: DesiredModel,
) -> anyhow::Result<String> {
    let limit = MemoryLimit { limit_bytes: None, resident_bytes: crate::memory::resident_bytes };
    let path = folder.model_path(model.artifact_sha256);
    // Proved here; what executes it is chosen by the service when it starts.
    prepare(&path, &Expected::of(&model), keys, &Engines::default(), limit)
        .map_err(|text| anyhow!(text))?;
    let (name, version) = (model.model.clone(), model.version);
    if !book.models().contains_key(&name) && book.models().len() >= MODELS_MAX {
        bail!(
            "{} models are on this device already: go back or take one away",
            book.models().len()
        );
    }
    let mut slots = book.slots(&name);
    slots.install(model, None);
    slots.try_installed();
    book.save(folder, &name, slots)?;
    Ok(format!(
        "{name} {version} passed its proof here and goes into service when the service starts"
    ))
}

/// Asks the running service, and waits for its answer.
fn ask(state: &Path, request: &Request, bundle: Option<&Path>) -> anyhow::Result<String> {
    let id = Uuid::now_v7();
    let folder = requests_path(state);
    let file = |ending: &str| folder.join(format!("{id}.{ending}"));
    if let Some(bundle) = bundle {
        let name = bundle.display();
        let bytes = File::open(bundle).and_then(|from| read_bounded(from, BUNDLE_BYTES_MAX as u64));
        let bytes = bytes.with_context(|| format!("{name} cannot be read"))?;
        fs::write(file("bundle"), bytes).with_context(|| {
            format!("{} cannot be written: run this as the user of the service", folder.display())
        })?;
    }
    let part = folder.join(format!(".{id}.json"));
    let asked = serde_json::to_vec(request).map_err(io::Error::from);
    let asked = asked.and_then(|bytes| fs::write(&part, bytes));
    let asked = asked.and_then(|()| fs::rename(&part, file("json")));
    asked.with_context(|| {
        format!("{} cannot be written: run this as the user of the service", folder.display())
    })?;
    let began = Instant::now();
    loop {
        match File::open(file("answer")).and_then(|file| read_bounded(file, ANSWER_BYTES_MAX)) {
            Ok(bytes) => {
                // The next start of the service removes what stays.
                let _ = fs::remove_file(file("answer"));
                let answer: Answer = serde_json::from_slice(&bytes)?;
                return answer.map_err(|reason| anyhow!(reason));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("the answer of the service cannot be read"),
        }
        if !StateFolder::is_in_use(state)? {
            bail!("the service has ended before it answered: start it and ask again");
        }
        if began.elapsed() > ANSWER_TIME_MAX {
            bail!(
                "the service has not answered for {} s; it goes on with what was asked: see \
                 `cirame-edge slots` and its log",
                ANSWER_TIME_MAX.as_secs()
            );
        }
        thread::sleep(LOOK_EVERY);
    }
}
