//! What the device knows of its trainer and its broker, as long as the program runs: news of it are noted on
//! the disk, and where they change how the program works, it begins anew with them.

use std::sync::Arc;

use model_format::protocol::BrokerAccess;

use super::enrolment::{EnrolledDevice, checked, checked_broker, note};
use super::enrolment_token::EnrolmentToken;
use super::state_folder::StateFolder;
use super::trainer::EnrolledTrainer;

/// The device, for its link.
pub(super) struct Membership {
    pub(super) folder: Arc<StateFolder>,
    pub(super) device: EnrolledDevice,
    /// The file in which the trainer leaves tokens, for a device that may enrol by itself.
    pub(super) token: Option<EnrolmentToken>,
    /// Whether the broker is the one that the trainer names.
    pub(super) uses_broker: bool,
    /// Has the program begin anew.
    pub(super) begin_anew: Arc<dyn Fn() + Send + Sync>,
}

impl Membership {
    /// The mark of the broker that the device was told; empty where it was told none.
    pub(super) fn broker_revision(&self) -> String {
        let revision = self.device.broker.as_ref().and_then(|broker| broker.revision.clone());
        revision.unwrap_or_default()
    }

    /// The trainer names another broker, or another login there. What cannot be used or noted is told,
    /// and comes again with the next answer.
    pub(super) fn take_broker(&mut self, access: BrokerAccess) {
        let noted = checked_broker(access, &self.device.trainer).and_then(|access| {
            let device = EnrolledDevice { broker: Some(access), ..self.device.clone() };
            note(&self.folder, &device).map(|()| device)
        });
        let device = match noted {
            Ok(device) => device,
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "the trainer's news of the broker are not taken");
                return;
            }
        };
        // The mark alone is nothing new.
        let without_mark = |device: &EnrolledDevice| {
            device.broker.clone().map(|broker| BrokerAccess { revision: None, ..broker })
        };
        let is_other = without_mark(&device) != without_mark(&self.device);
        self.device = device;
        if is_other && self.uses_broker {
            let access = self.device.broker.as_ref();
            let (host, port) = access.map(|access| (access.host.clone(), access.port)).unzip();
            tracing::info!(
                host = host.flatten(),
                port,
                "the trainer names another broker, or another login there: the program begins anew"
            );
            (self.begin_anew)();
        }
    }

    /// The trainer does not know this device: enrols it again, where there is a file for tokens and one is
    /// in it. True where it did.
    pub(super) fn enrol_again(&mut self, trainer: &EnrolledTrainer, speaks: u32) -> bool {
        let token = match self.token.as_ref().map(EnrolmentToken::in_file) {
            Some(Ok(Some(token))) => token,
            Some(Err(error)) => {
                tracing::error!(error = %format!("{error:#}"), "the device does not enrol again");
                return false;
            }
            Some(Ok(None)) | None => return false,
        };
        let enrolled = trainer.enrol_again(token, &self.device.name, speaks);
        let enrolled = enrolled.map_err(anyhow::Error::from).and_then(|enrolment| {
            let device = checked(enrolment, self.device.trainer.clone())?;
            note(&self.folder, &device).map(|()| device)
        });
        match enrolled {
            Ok(device) => {
                tracing::info!(
                    device.id = device.device_id,
                    device.name = device.name,
                    "the device is enrolled again, with the token in its file, and begins anew"
                );
                self.device = device;
                (self.begin_anew)();
                true
            }
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "the device does not enrol again");
                false
            }
        }
    }
}
