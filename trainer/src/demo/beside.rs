//! The demo of `serve`: made on a thread beside the service, with the device that enrols with the token of
//! `--local-device`, at the broker that all devices use.

use std::io;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model_format::protocol::BrokerUrl;
use tokio_util::sync::CancellationToken;

use super::{DemoPlan, NAME, Stage, Steps};
use crate::api::ApiState;
use crate::broker::BrokerReach;
use crate::clock::now_ms;
use crate::local_enrolment;
use crate::store::{DeviceId, StoreError};

/// How often the device is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// After this long without the device, the log says what is waited for.
const TELL_AFTER: Duration = Duration::from_secs(60);

/// Starts the thread; it ends with `shutdown`. The service goes on where the demo fails.
///
/// # Errors
/// Where the system gives no thread.
pub(crate) fn start(
    state: ApiState,
    broker: BrokerReach,
    shutdown: CancellationToken,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("demo".to_owned()).spawn(move || {
        match bring(&state, broker, &shutdown, &runtime) {
            Err(error) if !shutdown.is_cancelled() => tracing::error!(
                "the demo is not there: {error:#}; the next start goes on with it, DELETE /api/demo \
                 removes what there is"
            ),
            _ => {}
        }
        runtime.block_on(shutdown.cancelled());
        state.playing.stop();
    })
}

fn bring(
    state: &ApiState,
    broker: BrokerReach,
    shutdown: &CancellationToken,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<()> {
    let plan = DemoPlan::of(&state.folder, true)?;
    if plan == DemoPlan::None {
        return Ok(());
    }
    let Some(device) = wait_for_device(state, shutdown)? else { return Ok(()) };
    let broker = login(state, broker, runtime)?;
    let mut steps = Steps::new(plan.steps(), |text| tracing::info!("the demo: {text}"));
    Stage { state, device, broker, shutdown }.carry_out(&mut steps)
}

/// The local device, once it was heard since now. `None` where the end came first.
fn wait_for_device(
    state: &ApiState,
    shutdown: &CancellationToken,
) -> Result<Option<DeviceId>, StoreError> {
    let (begun_ms, began) = (now_ms(), Instant::now());
    let mut is_told = false;
    while !shutdown.is_cancelled() {
        let device = local_enrolment::device(&state.folder)?;
        let is_heard = |seen_ms: Option<i64>| seen_ms.is_some_and(|seen| seen >= begun_ms);
        if let Some(device) = device.filter(|device| is_heard(device.seen_ms)) {
            return Ok(Some(device.id));
        }
        if !is_told && began.elapsed() > TELL_AFTER {
            tracing::warn!(
                "the demo waits for the device that enrols with the token of --local-device: is it \
                 running, as `cirame-edge serve --token-file FILE` with this trainer?"
            );
            is_told = true;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(None)
}

/// How the demo's machine signs in: as a sensor, where everybody has an account.
fn login(
    state: &ApiState,
    broker: BrokerReach,
    runtime: &tokio::runtime::Runtime,
) -> Result<BrokerReach, StoreError> {
    let secret = state.broker.as_ref().and_then(|broker| broker.secret.as_ref());
    let (Some(accounts), Some(secret)) = (&state.accounts, secret) else { return Ok(broker) };
    state.folder.store().want_sensor(NAME)?;
    runtime.block_on(accounts.settle());
    let (user, password) = (NAME.to_owned(), secret.password_for(NAME));
    let BrokerReach { url, tls } = broker;
    Ok(BrokerReach { url: BrokerUrl { user, password, ..url }, tls })
}
