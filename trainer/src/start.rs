//! The one-command start: the service, a device on this machine, and a demo that is alive.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::api::ApiState;
use crate::broker::BrokerOption;
use crate::demo::make::{self, Making};
use crate::demo::{DemoState, Facts, SimulatedMachine};
use crate::live::About;
use crate::serve::Listening;
use crate::store::OwnerId;

mod local_device;

pub(crate) use local_device::program;
use local_device::{LocalDevice, Surroundings};

/// Longest time until the demo's first result.
const RESULT_MAX: Duration = Duration::from_secs(60);

/// Tells a person how far the start is.
pub(crate) struct Steps {
    number: usize,
    of: usize,
    say: fn(&str),
}

impl Steps {
    pub(crate) fn new(of: usize, say: fn(&str)) -> Self {
        Steps { number: 0, of, say }
    }

    fn step(&mut self, text: &str) {
        self.number += 1;
        (self.say)(&format!("[{}/{}] {text}\n", self.number, self.of));
    }
}

/// What the demo needs, for this start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DemoPlan {
    /// It is left out, or was removed.
    None,
    /// It is made, or made to its end.
    Make,
    /// It is there and goes on.
    GoOn,
}

impl DemoPlan {
    /// What is to be done about the demo of this data folder.
    ///
    /// # Errors
    /// Where somebody else's things have its names.
    pub(crate) fn of(state: &ApiState, wished: bool) -> anyhow::Result<DemoPlan> {
        if !wished {
            return Ok(DemoPlan::None);
        }
        if make::is_wanted(&state.folder)? {
            return Ok(DemoPlan::Make);
        }
        let present = Facts::read(&state.folder)?.is_some_and(|f| f.state == DemoState::Present);
        Ok(if present { DemoPlan::GoOn } else { DemoPlan::None })
    }

    /// How many steps the start has.
    pub(crate) fn steps(self) -> usize {
        match self {
            DemoPlan::None => 2,
            DemoPlan::Make => 6,
            DemoPlan::GoOn => 3,
        }
    }
}

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
    let outcome = match plan {
        DemoPlan::None => Ok(()),
        DemoPlan::Make => make_demo(&started, &mut steps, broker, shutdown),
        DemoPlan::GoOn => play(&started.state, broker)
            .map(|()| steps.step("the demo goes on: its simulated machine publishes again")),
    };
    match outcome {
        Ok(()) => Ok(started),
        Err(error) => {
            started.stop();
            Err(error)
        }
    }
}

fn make_demo(
    started: &Started,
    steps: &mut Steps,
    broker: SocketAddr,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let making = Making { state: &started.state, device: started.device.id, shutdown };
    making.note(DemoState::Making)?;
    let recordings = making.dataset()?;
    steps.step(&format!("{recordings} recordings of a pump are simulated, in four states"));
    steps.step(&format!("trained and proved: {}", making.model()?));
    let device = making.deploy()?;
    steps.step(&format!("deployed: the device {device} serves it"));
    play(&started.state, broker)?;
    let class = first_result(&started.state, shutdown)?;
    making.note(DemoState::Present)?;
    steps.step(&format!("a simulated pump publishes; the first answer is {class:?}"));
    Ok(())
}

/// Starts the simulated machine.
fn play(state: &ApiState, broker: SocketAddr) -> anyhow::Result<()> {
    let broker = BrokerOption::Embedded { ip: broker.ip(), port: broker.port() };
    let machine = SimulatedMachine::start(broker.reach(state.folder.path())?)?;
    state.playing.set(machine);
    Ok(())
}

/// The class of the first result.
fn first_result(state: &ApiState, shutdown: &CancellationToken) -> anyhow::Result<String> {
    let about = About { owner: OwnerId::LOCAL, device: None };
    let mut feed = state.live.follow(about).context("too many follow devices at once")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let first = async {
            while let Some(told) = feed.next().await {
                if told.event == "result" {
                    let result: serde_json::Value = serde_json::from_str(&told.data)?;
                    let class = result.pointer("/result/class").and_then(|class| class.as_str());
                    return Ok(class.context("the result has no class")?.to_owned());
                }
            }
            anyhow::bail!("no more results are told")
        };
        tokio::select! {
            first = first => first,
            () = shutdown.cancelled() => anyhow::bail!("it was ended before the demo was made"),
            () = tokio::time::sleep(RESULT_MAX) => {
                anyhow::bail!("no result of the demo came in {} s", RESULT_MAX.as_secs())
            }
        }
    })
}

/// How this machine itself reaches an address at which it listens.
fn local(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        false => address,
    }
}
