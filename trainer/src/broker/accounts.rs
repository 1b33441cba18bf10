//! Accounts at a broker that is not ours: one for each device, with an access list of its own, and sensors'.
//!
//! The broker keeps them; passwords are made of the broker's secret, so that nothing is kept here and
//! all can be made again. A thread makes them what they shall be at the start, whenever a device comes
//! or goes, and when the broker comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use model_format::protocol::TOPIC_PREFIX;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{BrokerReach, BrokerSecret};
use crate::data_folder::DataFolder;
use crate::mqtt::{Control, ControlCommand, ControlError};
use crate::store::{SensorList, StoreError};

mod plan;

use plan::{Known, Rules};

/// Most wishes that wait. One more is not needed: those that wait bring everything up to date.
const WISHES_MAX: usize = 64;

/// Most commands in one request to the broker.
const COMMANDS_MAX: usize = 50;

/// First and longest pause before a broker that fails is asked again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How long the enrolment of a device waits for its account.
const ACCOUNT_MAX: Duration = Duration::from_secs(5);

/// Why accounts are not what they shall be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// The broker.
    #[error(transparent)]
    Broker(#[from] ControlError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Lists of the broker that mean nothing.
    #[error("the broker's list of accounts cannot be read: {0}")]
    Lists(serde_json::Error),
    /// A name that is not free.
    #[error(
        "the broker has an account {0:?} that is no sensor's, such as the trainer's own or a device's: \
         choose another name"
    )]
    Taken(String),
    /// No such account.
    #[error("the broker has no account of a sensor {0:?}")]
    Unknown(String),
}

/// What the thread is told: look, and tell when all is well.
type Wish = Option<oneshot::Sender<()>>;

/// The accounts of a service's devices.
#[derive(Clone, Debug)]
pub struct Accounts {
    wishes: mpsc::Sender<Wish>,
}

impl Accounts {
    /// Starts the thread; it ends with `shutdown`.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn start(
        folder: Arc<DataFolder>,
        broker: BrokerReach,
        secret: BrokerSecret,
        device_topics: Vec<String>,
        shutdown: CancellationToken,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, receiver) = mpsc::channel(WISHES_MAX);
        let rules = Rules { secret, prefix: TOPIC_PREFIX.to_owned(), device_topics };
        let (said, taken) = (String::new(), Vec::new());
        let mut keeper = Keeper { folder, broker, rules, said, taken };
        let thread = std::thread::Builder::new().name("accounts".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = keeper.keep(receiver) => {}
                    () = shutdown.cancelled() => {}
                }
            });
        })?;
        Ok((Accounts { wishes: sender }, thread))
    }

    /// Has the accounts looked at soon.
    pub(crate) fn look(&self) {
        // Where many wait already, one of them does it.
        let _ = self.wishes.try_send(None);
    }

    /// Waits until everybody has an account, though not for long: where the broker is away, they are made
    /// when it comes back.
    pub(crate) async fn settle(&self) {
        let (sender, done) = oneshot::channel();
        let asked = self.wishes.try_send(Some(sender));
        let is_settled =
            asked.is_ok() && matches!(tokio::time::timeout(ACCOUNT_MAX, done).await, Ok(Ok(())));
        if !is_settled {
            tracing::warn!("accounts at the broker are still to be made");
        }
    }
}

/// What the thread works with.
struct Keeper {
    folder: Arc<DataFolder>,
    broker: BrokerReach,
    rules: Rules,
    /// What was said last of a failure.
    said: String,
    /// Names of sensors that were said to be taken.
    taken: Vec<String>,
}

impl Keeper {
    async fn keep(&mut self, mut wishes: mpsc::Receiver<Wish>) {
        let (mut pause, mut waiting) = (PAUSE.0, Vec::new());
        loop {
            match self.look().await {
                Ok(()) => {
                    pause = PAUSE.0;
                    for wish in waiting.drain(..) {
                        let wish: oneshot::Sender<()> = wish;
                        // Who has waited may have given up.
                        let _ = wish.send(());
                    }
                    let Some(wish) = wishes.recv().await else { return };
                    waiting.extend(wish);
                }
                Err(error) => {
                    let reason = error.to_string();
                    if reason != self.said {
                        tracing::warn!(reason, "accounts of devices at the broker; trying on");
                        self.said = reason;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
            while let Ok(wish) = wishes.try_recv() {
                waiting.extend(wish);
            }
            waiting.retain(|wish| !wish.is_closed());
        }
    }

    /// Makes the accounts what they shall be.
    async fn look(&mut self) -> Result<(), AccountError> {
        let mut control = Control::connect(&self.broker).await?;
        let known = known(&mut control).await?;
        // After the list: a device that enrols meanwhile wishes for another look.
        let devices: BTreeSet<String> = self.folder.store().device_ids()?;
        let mut commands = self.rules.plan(&known, &devices);
        let sensors = self.rules.plan_sensors(&known, &self.folder.store().sensors()?);
        commands.extend(sensors.commands);
        carry_out(&mut control, &commands).await?;
        control.end().await;
        if self.taken != sensors.taken {
            for name in &sensors.taken {
                tracing::warn!(
                    name,
                    "a sensor gets no account: the broker has another one of this name"
                );
            }
            self.taken = sensors.taken;
        }
        if !commands.is_empty() || !self.said.is_empty() {
            let (devices, changes) = (devices.len(), commands.len());
            tracing::info!(
                devices,
                changes,
                "every device and sensor has its account at the broker"
            );
            self.said.clear();
        }
        Ok(())
    }
}

/// Makes an account that may publish samples, and nothing else; the service whose database this is makes it
/// again where the broker has lost it.
///
/// # Errors
/// Where the broker or the database refuses, or somebody else has the name.
pub(crate) async fn add_sensor(
    broker: &BrokerReach,
    secret: BrokerSecret,
    database: &Path,
    name: &str,
) -> Result<(), AccountError> {
    let mut control = Control::connect(broker).await?;
    let rules = Rules { secret, prefix: TOPIC_PREFIX.to_owned(), device_topics: Vec::new() };
    let list = SensorList::open(database)?;
    let wanted = BTreeMap::from([(name.to_owned(), true)]);
    bring_about(&mut control, |known| {
        let plan = rules.plan_sensors(known, &wanted);
        if !plan.taken.is_empty() {
            return Err(AccountError::Taken(name.to_owned()));
        }
        list.want(name)?;
        Ok(plan.commands)
    })
    .await?;
    control.end().await;
    Ok(())
}

/// Removes the account of a sensor; its connections end.
///
/// # Errors
/// Where the broker or the database refuses, or has no sensor of this name.
pub(crate) async fn remove_sensor(
    broker: &BrokerReach,
    database: &Path,
    name: &str,
) -> Result<(), AccountError> {
    // First: where the broker is away, the service removes it when it is back.
    let was_wanted = SensorList::open(database)?.unwant(name)?;
    let mut control = Control::connect(broker).await?;
    bring_about(&mut control, |known| match Rules::plan_removal(known, name) {
        Some(command) => Ok(vec![command]),
        // The service has seen first that it is not wanted any more.
        None if was_wanted && !known.has(name) => Ok(Vec::new()),
        None => Err(AccountError::Unknown(name.to_owned())),
    })
    .await?;
    control.end().await;
    Ok(())
}

/// Carries out what is planned for what the broker knows; once more where it refuses, since the service may
/// have done the same since the broker was asked.
async fn bring_about(
    control: &mut Control,
    plan: impl Fn(&Known) -> Result<Vec<ControlCommand>, AccountError>,
) -> Result<(), AccountError> {
    let commands = plan(&known(control).await?)?;
    match carry_out(control, &commands).await {
        Err(AccountError::Broker(ControlError::Refused { .. })) => {
            let commands = plan(&known(control).await?)?;
            carry_out(control, &commands).await
        }
        done => done,
    }
}

/// How many accounts the broker has, where the login may manage them.
///
/// # Errors
/// Where it may not, or the broker refuses.
pub(crate) async fn check_accounts(broker: &BrokerReach) -> Result<usize, AccountError> {
    let mut control = Control::connect(broker).await?;
    let known = known(&mut control).await?;
    control.end().await;
    Ok(known.clients.len())
}

/// What the broker knows.
async fn known(control: &mut Control) -> Result<Known, AccountError> {
    let all = json!({ "verbose": true, "count": -1, "offset": 0 });
    let commands = ["listClients", "listRoles"].map(|name| ControlCommand::new(name, all.clone()));
    let mut data = control.ask(&commands).await?.into_iter();
    let mut list = |name: &str| data.next().map(|mut data| data[name].take()).unwrap_or_default();
    Ok(Known { clients: items(list("clients"))?, roles: items(list("roles"))? })
}

/// The items of a list.
fn items<T: DeserializeOwned>(list: Value) -> Result<Vec<T>, AccountError> {
    serde_json::from_value(list).map_err(AccountError::Lists)
}

async fn carry_out(control: &mut Control, commands: &[ControlCommand]) -> Result<(), AccountError> {
    for some in commands.chunks(COMMANDS_MAX) {
        control.ask(some).await?;
    }
    Ok(())
}
