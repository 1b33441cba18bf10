//! What the two sides of one connection share: what is on its way, and whether it goes on.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Time between two looks whether there is a connection.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes of a publication beside topic and payload, at most.
const HEAD_BYTES: usize = 16;

/// A publication that the client was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handed {
    /// A result or an alarm, by its number in the outbox.
    Item(u64),
    Status,
    /// A request of QoS 0, which nobody answers.
    Request,
}

#[derive(Default)]
pub(super) struct Shared {
    has_been_connected: Cell<bool>,
    is_leaving: Cell<bool>,
    has_refused: Cell<bool>,
    packet_bytes_max: Cell<Option<usize>>,
    connected: Notify,
    /// In the order in which the client was given them.
    handed: RefCell<VecDeque<Handed>>,
    by_packet: RefCell<HashMap<u16, Handed>>,
    acknowledged: Notify,
    turned: Cell<Option<Instant>>,
    /// How long the client may do nothing.
    quiet_max: Cell<Duration>,
}

impl Shared {
    /// The broker has taken the connection.
    pub(super) fn connected(&self, packet_bytes_max: Option<usize>, quiet_max: Duration) {
        self.packet_bytes_max.set(packet_bytes_max);
        self.quiet_max.set(quiet_max);
        self.turned.set(Some(Instant::now()));
        self.has_been_connected.set(true);
        self.connected.notify_one();
    }

    /// Waits for [`Self::connected`].
    pub(super) async fn connection(&self) {
        self.connected.notified().await;
    }

    pub(super) fn has_been_connected(&self) -> bool {
        self.has_been_connected.get()
    }

    pub(super) fn set_leaving(&self) {
        self.is_leaving.set(true);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.is_leaving.get()
    }

    /// True the first time.
    pub(super) fn is_first_refusal(&self) -> bool {
        !self.has_refused.replace(true)
    }

    /// Whether the broker takes a publication with so many bytes of topic and payload.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        self.packet_bytes_max.get().is_none_or(|bytes_max| bytes + HEAD_BYTES <= bytes_max)
    }

    /// The client is given a publication.
    pub(super) fn hand(&self, handed: Handed) {
        self.handed.borrow_mut().push_back(handed);
    }

    /// The next publication that it was given has this number.
    pub(super) fn sent(&self, packet: u16) {
        let handed = self.handed.borrow_mut().pop_front();
        if let Some(handed) = handed.filter(|handed| *handed != Handed::Request) {
            self.by_packet.borrow_mut().insert(packet, handed);
        }
    }

    /// The broker has answered it.
    pub(super) fn answered(&self, packet: u16) -> Option<Handed> {
        self.acknowledged.notify_one();
        self.by_packet.borrow_mut().remove(&packet)
    }

    /// Waits until one more is answered.
    pub(super) async fn acknowledged(&self) {
        self.acknowledged.notified().await;
    }

    /// Whether the broker has not answered everything.
    pub(super) fn is_waiting(&self) -> bool {
        !(self.handed.borrow().is_empty() && self.by_packet.borrow().is_empty())
    }

    /// The client works.
    pub(super) fn note_turn(&self) {
        if self.has_been_connected.get() {
            self.turned.set(Some(Instant::now()));
        }
    }

    /// Ends when the client has not worked for too long, once it was connected.
    pub(super) async fn stalled(&self) {
        loop {
            let still = match self.turned.get() {
                // Connecting has a limit of its own.
                None => LOOK,
                Some(turned) => self.quiet_max.get().saturating_sub(turned.elapsed()),
            };
            if still.is_zero() {
                return;
            }
            tokio::time::sleep(still).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_what_was_handed_in_whatever_order_they_come() {
        let shared = Shared::default();
        shared.hand(Handed::Item(7));
        shared.hand(Handed::Status);
        shared.sent(3);
        assert_eq!(shared.answered(4), None);
        shared.sent(1);
        assert_eq!(shared.answered(1), Some(Handed::Status));
        assert!(shared.is_waiting());
        assert_eq!(shared.answered(3), Some(Handed::Item(7)));
        assert!(!shared.is_waiting());
    }

    #[test]
    fn what_a_broker_would_not_take_is_known_before() {
        let shared = Shared::default();
        assert!(shared.fits(usize::MAX / 2));
        shared.connected(Some(116), Duration::ZERO);
        assert!(shared.fits(100) && !shared.fits(101));
    }

    #[test]
    fn a_client_that_stops_is_noticed() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let shared = Shared::default();
        shared.connected(None, Duration::from_millis(20));
        shared.note_turn();
        let began = Instant::now();
        runtime.block_on(shared.stalled());
        assert!(began.elapsed() >= Duration::from_millis(20));
    }
}
