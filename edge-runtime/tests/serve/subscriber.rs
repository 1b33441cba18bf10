//! A program at the broker: publishes samples, collects what comes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

use super::mosquitto::Mosquitto;
use super::until;

pub(crate) struct Subscriber {
    client: Client,
    messages: Arc<Mutex<Vec<Message>>>,
}

/// Number of the next subscriber.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Topic and payload.
type Message = (String, Vec<u8>);

impl Subscriber {
    /// Connects with a session that outlives the connection, and subscribes.
    pub(crate) fn start(broker: &Mosquitto, filter: &str) -> Subscriber {
        Subscriber::start_as(broker, filter, ("", ""))
    }

    /// The same, with user and password.
    pub(crate) fn start_as(
        broker: &Mosquitto,
        filter: &str,
        (user, password): (&str, &str),
    ) -> Subscriber {
        // A name of its own: one that a test before has left may still look for its broker, and find
        // this one where the system has given out the port again.
        let name = format!("subscriber-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut options = MqttOptions::new(name, broker.host(), broker.port());
        if !user.is_empty() {
            options.set_credentials(user, password);
        }
        options.set_clean_session(false).set_keep_alive(Duration::from_secs(5));
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 100);
        let messages = Arc::new(Mutex::new(Vec::new()));
        let is_subscribed = Arc::new(Mutex::new(false));
        let (collected, subscribed) = (Arc::clone(&messages), Arc::clone(&is_subscribed));
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let message = (publish.topic.clone(), publish.payload.to_vec());
                        collected.lock().unwrap().push(message);
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => *subscribed.lock().unwrap() = true,
                    Ok(_) => {}
                    Err(rumqttc::ConnectionError::RequestsDone) => return,
                    // Whoever waited has gone.
                    Err(_) if Arc::strong_count(&collected) == 1 => return,
                    // The broker is away: not too many attempts.
                    Err(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        });
        client.subscribe(filter, QoS::AtLeastOnce).expect("the client lives");
        until("the subscription", || is_subscribed.lock().unwrap().then_some(()));
        Subscriber { client, messages }
    }

    pub(crate) fn publish(&self, topic: &str, payload: &[u8]) {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).expect("the client lives");
    }

    /// What came on a topic, as JSON.
    pub(crate) fn on(&self, topic: &str) -> Vec<Value> {
        let messages = self.messages.lock().unwrap();
        let messages = messages.iter().filter(|(came_on, _)| came_on == topic);
        messages.map(|(_, payload)| serde_json::from_slice(payload).expect("JSON")).collect()
    }

    /// What came on a topic, as it came.
    pub(crate) fn raw(&self, topic: &str) -> Vec<Vec<u8>> {
        let messages = self.messages.lock().unwrap();
        let messages = messages.iter().filter(|(came_on, _)| came_on == topic);
        messages.map(|(_, payload)| payload.clone()).collect()
    }

    /// Waits until so many have come there.
    pub(crate) fn wait_for(&self, topic: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} messages on {topic}"), || {
            Some(self.on(topic)).filter(|messages| messages.len() >= count)
        })
    }
}
