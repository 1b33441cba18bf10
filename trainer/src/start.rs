//! The one-command start: the service, a device on this machine, and a demo that is alive.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::api::ApiState;
use crate::broker::BrokerOption;
use crate::demo::{DemoPlan, Stage, Steps};
use crate::serve::Listening;

mod local_device;

pub(crate) use local_device::program;
use local_device::{LocalDevice, Surroundings};

/// Steps before the demo's.
pub(crate) const STEPS: usize = 2;

/// The parts beside the service.
pub(crate) struct Started {
    device: LocalDevice,
    state: ApiState,
}

impl Started {
    /// Ends them.
    pub(crate) fn stop(self) {
        self.state.playing.stop();
        self.device.stop();
    }
}

/// Starts the local device and the demo, step by step. Waits for each.
///
/// # Errors
/// Where a step fails, with what to change.
pub(crate) fn start(
    state: ApiState,
    listening: Listening,
    plan: DemoPlan,
    mut steps: Steps,
    shutdown: &CancellationToken,
) -> anyhow::Result<Started> {
    let broker = local(listening.broker.context("the embedded broker has no address")?);
    steps.step("the service runs: API, console and broker");
    let around =
        Surroundings { folder: &state.folder, api: local(listening.api), broker, shutdown };
    let device = LocalDevice::start(around)?;
    steps.step(&format!("the local device is enrolled as {}", device.name));
    let started = Started { device, state };
    if plan == DemoPlan::None {
        return Ok(started);
    }
    match carry_out(&started, &mut steps, broker, shutdown) {
        Ok(()) => Ok(started),
        Err(error) => {
            started.stop();
            Err(error)
        }
    }
}

fn carry_out(
    started: &Started,
    steps: &mut Steps,
    broker: SocketAddr,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let Started { device, state } = started;
    let broker = BrokerOption::Embedded { ip: broker.ip(), port: broker.port() };
    let broker = broker.reach(state.folder.path(), None)?;
    Stage { state, device: device.id, broker, shutdown }.carry_out(steps)
}

/// How this machine itself reaches an address at which it listens.
fn local(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        false => address,
    }
}
