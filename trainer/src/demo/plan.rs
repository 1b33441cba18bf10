//! What a start does about the demo, whichever command starts: leaves it, makes it, or goes on with it.

use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::make::{self, Making};
use super::{DemoState, Facts, SimulatedMachine, Steps};
use crate::api::ApiState;
use crate::broker::BrokerReach;
use crate::data_folder::DataFolder;
use crate::live::About;
use crate::store::{DeviceId, OwnerId};

/// Longest time until the demo's first result.
const RESULT_MAX: Duration = Duration::from_secs(60);

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

/// Where the demo lives.
pub(crate) struct Stage<'a> {
    pub(crate) state: &'a ApiState,
    /// The device that serves it.
    pub(crate) device: DeviceId,
    /// The broker, and how its machine signs in there.
    pub(crate) broker: BrokerReach,
    /// Ends it early.
    pub(crate) shutdown: &'a CancellationToken,
}

impl DemoPlan {
    /// What is to be done about the demo of this data folder.
    ///
    /// # Errors
    /// Where somebody else's things have its names.
    pub(crate) fn of(folder: &DataFolder, is_wished: bool) -> anyhow::Result<DemoPlan> {
        if !is_wished {
            return Ok(DemoPlan::None);
        }
        if make::is_wanted(folder)? {
            return Ok(DemoPlan::Make);
        }
        let is_present = Facts::read(folder)?.is_some_and(|f| f.state == DemoState::Present);
        Ok(if is_present { DemoPlan::GoOn } else { DemoPlan::None })
    }

    /// How many steps that has.
    pub(crate) fn steps(self) -> usize {
        match self {
            DemoPlan::None => 0,
            DemoPlan::Make => 4,
            DemoPlan::GoOn => 1,
        }
    }
}

impl Stage<'_> {
    /// Does it, step by step, unless the demo was removed meanwhile.
    ///
    /// # Errors
    /// Where a step fails, with what to change; the next start goes on there.
    pub(crate) fn carry_out(&self, steps: &mut Steps) -> anyhow::Result<()> {
        let _making = self.state.playing.making();
        match DemoPlan::of(&self.state.folder, true)? {
            DemoPlan::None => Ok(()),
            DemoPlan::Make => self.make(steps),
            DemoPlan::GoOn => self.go_on(steps),
        }
    }

    fn make(&self, steps: &mut Steps) -> anyhow::Result<()> {
        let making = self.parts();
        making.note(DemoState::Making)?;
        let recordings = making.dataset()?;
        steps.step(&format!("{recordings} recordings of a pump are simulated, in four states"));
        steps.step(&format!("trained and proved: {}", making.model()?));
        let device = making.deploy()?;
        steps.step(&format!("deployed: the device {device} serves it"));
        self.play()?;
        let class = self.first_result()?;
        making.note(DemoState::Present)?;
        steps.step(&format!("a simulated pump publishes; the first answer is {class:?}"));
        Ok(())
    }

    fn go_on(&self, steps: &mut Steps) -> anyhow::Result<()> {
        self.play()?;
        let facts = Facts::read(&self.state.folder)?;
        if facts.is_some_and(|facts| facts.device_id != self.device) {
            // The device has enrolled anew since.
            let making = self.parts();
            making.deploy()?;
            making.note(DemoState::Present)?;
        }
        steps.step("the demo goes on: its simulated machine publishes again");
        Ok(())
    }

    fn parts(&self) -> Making<'_> {
        Making { state: self.state, device: self.device, shutdown: self.shutdown }
    }

    /// Starts the simulated machine.
    fn play(&self) -> anyhow::Result<()> {
        self.state.playing.set(SimulatedMachine::start(self.broker.clone())?);
        Ok(())
    }

    /// The class of the first result.
    fn first_result(&self) -> anyhow::Result<String> {
        let about = About { owner: OwnerId::LOCAL, device: Some(self.device) };
        let feed = self.state.live.follow(about);
        let mut feed = feed.context("too many follow devices at once")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(async {
            let first = async {
                while let Some(told) = feed.next().await {
                    if told.event == "result" {
                        let result: serde_json::Value = serde_json::from_str(&told.data)?;
                        let class =
                            result.pointer("/result/class").and_then(|class| class.as_str());
                        return Ok(class.context("the result has no class")?.to_owned());
                    }
                }
                anyhow::bail!("no more results are told")
            };
            tokio::select! {
                first = first => first,
                () = self.shutdown.cancelled() => {
                    anyhow::bail!("it was ended before the demo was made")
                }
                () = tokio::time::sleep(RESULT_MAX) => {
                    anyhow::bail!("no result of the demo came in {} s", RESULT_MAX.as_secs())
                }
            }
        })
    }
}
