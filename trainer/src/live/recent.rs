//! The newest results of every stream, within bounds: what a page shows when it opens.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::store::{DeviceId, OwnerId};

/// Results that are kept of a stream.
pub(super) const RESULTS_MAX: usize = 60;

/// Most streams; the one that was silent for longest makes room.
pub(super) const STREAMS_MAX: usize = 1000;

/// Most bytes of all results together.
pub(super) const BYTES_MAX: usize = 32 << 20;

/// Results by stream.
#[derive(Debug, Default)]
pub(super) struct Recent {
    streams: HashMap<(DeviceId, String), Stream>,
    bytes: usize,
    /// Results that were ever added.
    added: u64,
}

#[derive(Debug)]
struct Stream {
    owner: OwnerId,
    results: VecDeque<Arc<str>>,
    /// Number of the newest one.
    newest: u64,
}

impl Stream {
    fn bytes(&self) -> usize {
        self.results.iter().map(|result| result.len()).sum()
    }
}

impl Recent {
    /// Adds a result; gives the number of results of other streams that had to make room.
    pub(super) fn add(
        &mut self,
        owner: OwnerId,
        device: DeviceId,
        stream: &str,
        result: Arc<str>,
    ) -> u64 {
        self.added += 1;
        let key = (device, stream.to_owned());
        let mut dropped = 0;
        if !self.streams.contains_key(&key) && self.streams.len() >= STREAMS_MAX {
            dropped += self.drop_silent(&key);
        }
        self.bytes += result.len();
        let new = || Stream { owner, results: VecDeque::new(), newest: 0 };
        let kept = self.streams.entry(key.clone()).or_insert_with(new);
        (kept.owner, kept.newest) = (owner, self.added);
        kept.results.push_back(result);
        if kept.results.len() > RESULTS_MAX
            && let Some(oldest) = kept.results.pop_front()
        {
            self.bytes -= oldest.len();
        }
        while self.bytes > BYTES_MAX && self.streams.len() > 1 {
            dropped += self.drop_silent(&key);
        }
        dropped
    }

    /// The results of an owner, or of one device of theirs; each stream in its order.
    pub(super) fn of(&self, owner: OwnerId, device: Option<DeviceId>) -> Vec<Arc<str>> {
        let wanted = |id: DeviceId| device.is_none_or(|device| device == id);
        let own =
            self.streams.iter().filter(|(key, stream)| stream.owner == owner && wanted(key.0));
        own.flat_map(|(_, stream)| stream.results.iter().cloned()).collect()
    }

    /// Forgets a device, or one stream of it.
    pub(super) fn forget(&mut self, device: DeviceId, stream: Option<&str>) {
        let stays = |(id, name): &(DeviceId, String)| {
            *id != device || stream.is_some_and(|stream| stream != name)
        };
        self.streams.retain(|key, _| stays(key));
        self.bytes = self.streams.values().map(Stream::bytes).sum();
    }

    /// Drops the stream that was silent for longest, other than this one.
    fn drop_silent(&mut self, but: &(DeviceId, String)) -> u64 {
        let others = self.streams.iter().filter(|(key, _)| *key != but);
        let silent = others.min_by_key(|(_, stream)| stream.newest).map(|(key, _)| key.clone());
        let Some(stream) = silent.and_then(|key| self.streams.remove(&key)) else { return 0 };
        self.bytes -= stream.bytes();
        stream.results.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_keeps_its_newest_results() {
        let (owner, device) = (OwnerId::new(), DeviceId::new());
        let mut recent = Recent::default();
        for number in 0..RESULTS_MAX + 7 {
            assert_eq!(recent.add(owner, device, "s", number.to_string().into()), 0);
        }
        let kept = recent.of(owner, None);
        assert_eq!(kept.len(), RESULTS_MAX);
        assert_eq!((&*kept[0], &**kept.last().unwrap()), ("7", "66"));
        assert_eq!(recent.bytes, kept.iter().map(|result| result.len()).sum::<usize>());
    }

    #[test]
    fn the_stream_that_was_silent_for_longest_makes_room() {
        let (owner, device) = (OwnerId::new(), DeviceId::new());
        let mut recent = Recent::default();
        for number in 0..STREAMS_MAX {
            recent.add(owner, device, &number.to_string(), "x".into());
        }
        recent.add(owner, device, "0", "x".into());
        assert_eq!(recent.add(owner, device, "new", "y".into()), 1);
        assert!(!recent.streams.contains_key(&(device, "1".to_owned())));
        assert!(recent.streams.contains_key(&(device, "0".to_owned())));
        // Bytes are bounded as well.
        let large: Arc<str> = "z".repeat(BYTES_MAX / RESULTS_MAX).into();
        for _ in 0..RESULTS_MAX + 1 {
            recent.add(owner, device, "large", Arc::clone(&large));
        }
        assert!(recent.bytes <= BYTES_MAX, "{}", recent.bytes);
        assert!(recent.streams.len() < STREAMS_MAX);
    }

    #[test]
    fn results_are_their_owners_and_go_with_the_device() {
        let (ada, bob, device) = (OwnerId::new(), OwnerId::new(), DeviceId::new());
        let mut recent = Recent::default();
        recent.add(ada, device, "s", "a".into());
        recent.add(bob, DeviceId::new(), "s", "b".into());
        assert_eq!(recent.of(ada, None), ["a".into()]);
        assert_eq!(recent.of(ada, Some(device)), ["a".into()]);
        assert!(recent.of(bob, Some(device)).is_empty());
        recent.forget(device, Some("other"));
        assert_eq!(recent.of(ada, None), ["a".into()]);
        recent.forget(device, Some("s"));
        assert!(recent.of(ada, None).is_empty());
        assert_eq!(recent.bytes, 1);
    }
}
