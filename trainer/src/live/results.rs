//! Follows the broker that devices use, on a thread of its own, and tells the results of devices.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model_format::protocol::{TOPIC_PREFIX, results_topic};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::broker::{Accounts, BrokerReach};

use super::{BrokerState, DeviceResult, DropReason, Live};
use crate::clock::now_ms;
use crate::data_folder::DataFolder;
use crate::mqtt::{Delivery, Heard, Subscription};
use crate::store::{DeviceId, OwnerId, StoreError};

/// Largest result, in bytes.
const RESULT_BYTES_MAX: usize = 64 << 10;

/// How long it is believed whose a device is.
const OWNER_AGE_MAX: Duration = Duration::from_secs(10);

/// Most devices whose owners are remembered.
const OWNERS_MAX: usize = 10_000;

/// Starts the thread; it ends with `shutdown`.
///
/// # Errors
/// Where the system gives no thread.
pub(crate) fn start(
    folder: Arc<DataFolder>,
    live: Arc<Live>,
    broker: BrokerReach,
    accounts: Option<Accounts>,
    shutdown: CancellationToken,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    live.stands(BrokerState::Connecting, None);
    let mut results = Results { folder, live, accounts, owners: HashMap::new() };
    let subscription = Subscription::new(
        broker,
        vec![results_topic(TOPIC_PREFIX, "+", "+")],
        Delivery::AtMostOnce,
    );
    std::thread::Builder::new().name("live".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = results.follow(subscription) => {}
                () = shutdown.cancelled() => {}
            }
        });
    })
}

struct Results {
    folder: Arc<DataFolder>,
    live: Arc<Live>,
    /// To be looked at when the broker comes back: it may have lost them.
    accounts: Option<Accounts>,
    /// Whose device it is, if anybody's, and since when that is known.
    owners: HashMap<DeviceId, (Option<OwnerId>, Instant)>,
}

impl Results {
    async fn follow(&mut self, mut subscription: Subscription) {
        let mut said = String::new();
        loop {
            match subscription.next().await {
                Heard::Connected => {
                    tracing::info!("results of devices are followed");
                    said.clear();
                    if let Some(accounts) = &self.accounts {
                        accounts.look();
                    }
                    self.live.stands(BrokerState::Connected, None);
                }
                Heard::Lost(reason) => {
                    if reason != said {
                        tracing::warn!(reason, "no connection to the broker; trying on");
                        said.clone_from(&reason);
                    }
                    self.live.stands(BrokerState::Connecting, Some(reason));
                }
                Heard::Message { topic, payload } => {
                    if let Err(reason) = self.message(&topic, &payload) {
                        self.live.drops(reason, 1);
                    }
                }
            }
        }
    }

    fn message(&mut self, topic: &str, payload: &[u8]) -> Result<(), DropReason> {
        if payload.len() > RESULT_BYTES_MAX {
            return Err(DropReason::TooLarge);
        }
        let (device_id, stream) = place(topic).ok_or(DropReason::UnknownDevice)?;
        let owner = self.owner(device_id)?.ok_or(DropReason::UnknownDevice)?;
        let result: Map<String, Value> =
            serde_json::from_slice(payload).map_err(|_| DropReason::Unreadable)?;
        let stream = stream.to_owned();
        let result = Value::Object(result);
        self.live.result(owner, &DeviceResult { device_id, stream, received_ms: now_ms(), result });
        Ok(())
    }

    fn owner(&mut self, device: DeviceId) -> Result<Option<OwnerId>, DropReason> {
        let known = self.owners.get(&device);
        if let Some((owner, _)) = known.filter(|(_, since)| since.elapsed() < OWNER_AGE_MAX) {
            return Ok(*owner);
        }
        let owner = match self.folder.store().any_device(device) {
            Ok(device) => Some(device.owner),
            Err(StoreError::Unknown { .. }) => None,
            Err(error) => {
                tracing::error!(error = %error, "it cannot be told whose a device is");
                return Err(DropReason::Store);
            }
        };
        if self.owners.len() >= OWNERS_MAX {
            self.owners.clear();
        }
        self.owners.insert(device, (owner, Instant::now()));
        Ok(owner)
    }
}

/// Device and stream of a topic of results.
fn place(topic: &str) -> Option<(DeviceId, &str)> {
    let rest = topic.strip_prefix(TOPIC_PREFIX)?.strip_prefix("/devices/")?;
    let (device, stream) = rest.split_once("/results/")?;
    Some((device.parse().ok()?, stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_results_name_device_and_stream() {
        let device = DeviceId::new();
        let topic = results_topic(TOPIC_PREFIX, &device.to_string(), "pump 1");
        assert_eq!(place(&topic), Some((device, "pump 1")));
        for other in ["cirame/devices/x/results/s", "plant/devices", "cirame/samples/s"] {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
