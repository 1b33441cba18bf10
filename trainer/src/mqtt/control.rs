//! Requests to mosquitto's dynamic security plugin: who may sign in, and which topics they may use.

use std::time::Duration;

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, Packet, QoS, SubscribeReasonCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::options;
use crate::broker::BrokerReach;

const REQUEST_TOPIC: &str = "$CONTROL/dynamic-security/v1";
const ANSWER_TOPIC: &str = "$CONTROL/dynamic-security/v1/response";

/// Largest packet: lists of all accounts are long.
const PACKET_BYTES_MAX: usize = 16 << 20;

/// Requests between this file and the client.
const REQUESTS_MAX: usize = 4;

/// Longest time for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Why the plugin did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// Nobody is there.
    #[error("the broker at {0} cannot be reached: {1}")]
    Unreachable(String, String),
    /// The login is refused.
    #[error(
        "the broker at {0} refuses the login of the trainer ({1}): check the user in --broker and the \
         password in --broker-password-file"
    )]
    Login(String, String),
    /// The login may not manage accounts, or there is no plugin.
    #[error(
        "the broker at {0} does not let the trainer manage accounts: the user in --broker must be an \
         admin of mosquitto's dynamic security plugin, as `mosquitto_ctrl dynsec init` makes one; \
         without the plugin, leave --broker-accounts away"
    )]
    Rights(String),
    /// No answer.
    #[error(
        "the broker at {0} has not answered for {seconds} s: mosquitto's dynamic security plugin must be \
         loaded there, or leave --broker-accounts away", seconds = ANSWER_MAX.as_secs()
    )]
    Silent(String),
    /// An answer that means nothing.
    #[error("the broker at {0} gives an answer that cannot be read: {1}")]
    Answer(String, String),
    /// A refusal.
    #[error("the broker refuses {command}: {reason}")]
    Refused {
        /// What was asked.
        command: String,
        /// What the broker says.
        reason: String,
    },
}

/// A request to the plugin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ControlCommand {
    command: &'static str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl ControlCommand {
    /// A request of this name; `fields` is a JSON object.
    pub(crate) fn new(command: &'static str, fields: Value) -> Self {
        let Value::Object(fields) = fields else { unreachable!("the fields are an object") };
        ControlCommand { command, fields }
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> &'static str {
        self.command
    }
}

/// A connection that manages accounts.
pub(crate) struct Control {
    at: String,
    client: AsyncClient,
    events: EventLoop,
}

#[derive(Deserialize)]
struct Answers {
    responses: Vec<Answered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    command: String,
    error: Option<String>,
    /// The mark of the request.
    correlation_data: Option<String>,
    #[serde(default)]
    data: Value,
}

impl Control {
    /// Connects, and asks for nothing.
    ///
    /// # Errors
    /// Where nobody answers there, or the login is refused.
    pub(crate) async fn sign_in(broker: &BrokerReach) -> Result<Self, ControlError> {
        let (client, events) = AsyncClient::new(options(broker, PACKET_BYTES_MAX), REQUESTS_MAX);
        let at = format!("{}:{}", broker.url.host, broker.url.port);
        let mut control = Control { at, client, events };
        control.wait(|packet| matches!(packet, Packet::ConnAck(_)).then_some(())).await?;
        Ok(control)
    }

    /// Connects as an admin.
    ///
    /// # Errors
    /// Where nobody answers there, or the login is refused or none of an admin.
    pub(crate) async fn connect(broker: &BrokerReach) -> Result<Self, ControlError> {
        let mut control = Control::sign_in(broker).await?;
        let asked = control.client.subscribe(ANSWER_TOPIC, QoS::AtLeastOnce).await;
        asked.map_err(|error| control.unreachable(&error))?;
        let is_granted = control
            .wait(|packet| match packet {
                Packet::SubAck(answer) => {
                    Some(!answer.return_codes.contains(&SubscribeReasonCode::Failure))
                }
                _ => None,
            })
            .await?;
        if is_granted { Ok(control) } else { Err(ControlError::Rights(control.at)) }
    }

    /// Asks, and gives the data of each answer, in the order of the commands.
    ///
    /// # Errors
    /// Where one of them is refused, with the first refusal; the others may have been carried out.
    pub(crate) async fn ask(
        &mut self,
        commands: &[ControlCommand],
    ) -> Result<Vec<Value>, ControlError> {
        // All admins hear all answers: ours have our mark.
        let mark = Uuid::now_v7().simple().to_string();
        let marked = commands.iter().cloned().map(|mut command| {
            command.fields.insert("correlationData".to_owned(), Value::from(mark.clone()));
            command
        });
        let marked: Vec<ControlCommand> = marked.collect();
        let request = serde_json::json!({ "commands": marked }).to_string();
        let asked = self.client.publish(REQUEST_TOPIC, QoS::AtLeastOnce, false, request).await;
        asked.map_err(|error| self.unreachable(&error))?;
        let is_ours = |answers: &Answers| {
            let marks = answers.responses.iter().map(|answer| answer.correlation_data.as_ref());
            marks.flatten().any(|found| *found == mark)
        };
        let answers = self
            .wait(|packet| match packet {
                Packet::Publish(message) if message.topic == ANSWER_TOPIC => {
                    let answers = serde_json::from_slice::<Answers>(&message.payload);
                    answers.as_ref().map_or(true, is_ours).then_some(answers)
                }
                _ => None,
            })
            .await?;
        let answers =
            answers.map_err(|error| ControlError::Answer(self.at.clone(), error.to_string()))?;
        if answers.responses.len() != commands.len() {
            let (found, asked) = (answers.responses.len(), commands.len());
            let reason = format!("{found} answers to {asked} requests");
            return Err(ControlError::Answer(self.at.clone(), reason));
        }
        let data = answers.responses.into_iter().map(|answered| match answered.error {
            None => Ok(answered.data),
            Some(reason) => Err(ControlError::Refused { command: answered.command, reason }),
        });
        data.collect()
    }

    /// Ends the connection.
    pub(crate) async fn end(mut self) {
        // A connection that has broken by now has nothing left to say.
        if self.client.disconnect().await.is_ok() {
            while tokio::time::timeout(ANSWER_MAX, self.events.poll())
                .await
                .is_ok_and(|e| e.is_ok())
            {}
        }
    }

    /// Waits until a packet comes that `find` finds something in.
    async fn wait<T>(
        &mut self,
        mut find: impl FnMut(Packet) -> Option<T>,
    ) -> Result<T, ControlError> {
        let at = self.at.clone();
        let found = async {
            loop {
                match self.events.poll().await {
                    Ok(Event::Incoming(packet)) => {
                        if let Some(found) = find(packet) {
                            return Ok(found);
                        }
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(ConnectionError::ConnectionRefused(code)) => {
                        return Err(ControlError::Login(at.clone(), format!("{code:?}")));
                    }
                    Err(error) => {
                        return Err(ControlError::Unreachable(at.clone(), error.to_string()));
                    }
                }
            }
        };
        let waited = tokio::time::timeout(ANSWER_MAX, found).await;
        waited.unwrap_or_else(|_| Err(ControlError::Silent(at)))
    }

    fn unreachable(&self, error: &rumqttc::ClientError) -> ControlError {
        ControlError::Unreachable(self.at.clone(), error.to_string())
    }
}
