//! Whatever happens in whatever order, nothing is lost that a simple model does not expect to be.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::keeper::{Disk, GATHERING};
use super::queue::Place;
use super::*;

mod disk;

use disk::Memory;

const BYTES_MAX: u64 = 16_000;
const ITEMS_MAX: usize = 40;

fn bounds() -> (Sizes, Bounds) {
    let (sizes, disk_bytes_max) = Sizes::of(BYTES_MAX);
    let bounds = Bounds {
        items_max: ITEMS_MAX,
        disk_bytes_max,
        memory_bytes_max: 100_000,
        window_bytes: 400,
    };
    (sizes, bounds)
}

fn outgoing(kind: Kind, id: u32, size: usize) -> Arc<Body> {
    let payload = Bytes::from(format!("{id:06}{}", "x".repeat(size)));
    Arc::new(Body { kind, stream: "s".to_owned(), payload, received: None })
}

fn id(body: &Body) -> u32 {
    std::str::from_utf8(&body.payload[..6]).unwrap().parse().unwrap()
}

/// Queue and keeper without their threads.
struct Rig {
    disk: Memory,
    shared: Arc<Shared>,
    keeper: Keeper<Memory>,
    now: Instant,
}

impl Rig {
    fn open(disk: Memory) -> Rig {
        let (sizes, bounds) = bounds();
        let shared = Arc::new(Shared::new(bounds));
        let keeper = Keeper::open(disk.clone(), Arc::clone(&shared), sizes).unwrap();
        Rig { disk, shared, keeper, now: Instant::now() }
    }

    /// Lets the keeper do all there is.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.now += Duration::from_secs(3);
            self.keeper.step(self.now);
            let queue = self.shared.queue();
            if !queue.has_unwritten() && queue.gone_len() == 0 && !queue.is_starved() {
                return;
            }
        }
        panic!("the keeper does not come to an end");
    }

    fn take(&mut self) -> Option<(u64, u32)> {
        let taken = self.shared.queue().take();
        let taken = taken.or_else(|| {
            self.keeper.step(self.now);
            self.shared.queue().take()
        });
        taken.map(|(number, body)| (number, id(&body)))
    }

    fn everything(&mut self) -> Vec<u32> {
        self.shared.queue().rewind();
        let all = std::iter::from_fn(|| self.take().map(|(_, id)| id)).collect();
        self.shared.queue().rewind();
        all
    }
}

/// What is expected to wait, in order.
#[derive(Clone, Debug, Default)]
struct Model {
    waiting: Vec<Waiting>,
    /// Acknowledged or dropped, and the disk does not know for good.
    untold: BTreeSet<u32>,
    dropped: [u64; 2],
}

#[derive(Clone, Debug)]
struct Waiting {
    id: u32,
    kind: Kind,
    bytes: usize,
    is_sent: bool,
    is_written: bool,
    is_synced: bool,
}

impl Model {
    fn push(&mut self, id: u32, kind: Kind, bytes: usize) {
        let (is_sent, is_written, is_synced) = (false, false, false);
        self.waiting.push(Waiting { id, kind, bytes, is_sent, is_written, is_synced });
        let (_, bounds) = bounds();
        loop {
            let bytes: usize = self.waiting.iter().map(|item| item.bytes).sum();
            if self.waiting.len() <= bounds.items_max && bytes as u64 <= bounds.disk_bytes_max {
                return;
            }
            let find = |kind, is_sent| {
                let mut all = self.waiting.iter();
                all.position(|item| item.kind == kind && item.is_sent == is_sent)
            };
            let place = find(Kind::Result, false)
                .or_else(|| find(Kind::Result, true))
                .or_else(|| find(Kind::Alarm, false))
                .or_else(|| find(Kind::Alarm, true));
            let dropped = self.waiting.remove(place.unwrap());
            self.dropped[usize::from(dropped.kind == Kind::Alarm)] += 1;
            self.untold.insert(dropped.id);
        }
    }

    fn ids(&self) -> Vec<u32> {
        self.waiting.iter().map(|item| item.id).collect()
    }

    /// After an end without a good-bye: at least what was safe waits, and nothing but what may.
    fn meet(&mut self, found: &[u32], is_safe: impl Fn(&Waiting) -> bool) {
        assert!(found.is_sorted_by(|a, b| a < b), "{found:?}");
        let lost = |item: &&Waiting| is_safe(item) && !found.contains(&item.id);
        let lost: Vec<u32> = self.waiting.iter().filter(lost).map(|item| item.id).collect();
        // What comes again may leave no place for others: those are counted.
        let dropped = self.dropped.iter().sum::<u64>() as usize;
        assert!(lost.len() <= dropped, "{lost:?} are lost: {found:?}");
        for id in found {
            let is_known = self.waiting.iter().any(|item| item.id == *id);
            assert!(is_known || self.untold.contains(id), "{id} comes again");
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push {
        is_alarm: bool,
        size: usize,
    },
    Take,
    /// Of those that were taken, by place.
    Acknowledge(usize),
    Rewind,
    Settle,
    Sync,
    /// The program ends as it should.
    End,
    /// kill -9: what was written stays.
    Kill,
    /// What was not synced is there in part; the last record may be torn.
    PowerCut(u64),
    FailDisk,
    RepairDisk,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (prop::bool::weighted(0.2), 0_usize..180)
            .prop_map(|(is_alarm, size)| Step::Push { is_alarm, size }),
        8 => Just(Step::Take),
        6 => (0_usize..8).prop_map(Step::Acknowledge),
        1 => Just(Step::Rewind),
        4 => Just(Step::Settle),
        2 => Just(Step::Sync),
        1 => Just(Step::End),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::PowerCut),
        1 => Just(Step::FailDisk),
        2 => Just(Step::RepairDisk),
    ]
}

/// A rig and what is expected of it.
struct Trial {
    rig: Rig,
    model: Model,
    next: u32,
    /// On this connection, not acknowledged.
    taken: Vec<(u64, u32)>,
    kinds: Vec<(Kind, usize)>,
}

impl Trial {
    fn new() -> Trial {
        let rig = Rig::open(Memory::default());
        Trial { rig, model: Model::default(), next: 0, taken: Vec::new(), kinds: Vec::new() }
    }

    fn make(&mut self, step: Step) {
        match step {
            Step::Push { is_alarm, size } => self.push(is_alarm, size),
            Step::Take => self.take(),
            Step::Acknowledge(place) if place < self.taken.len() => {
                let (number, id) = self.taken.remove(place);
                self.rig.shared.queue().remove(number);
                self.model.waiting.retain(|item| item.id != id);
                self.model.untold.insert(id);
            }
            Step::Acknowledge(_) => {}
            Step::Rewind => {
                self.rig.shared.queue().rewind();
                self.taken.clear();
                self.model.waiting.iter_mut().for_each(|item| item.is_sent = false);
            }
            Step::Settle if self.rig.disk.fails() => self.rig.keeper.step(self.rig.now),
            Step::Settle => self.settle(),
            Step::Sync if self.rig.disk.fails() => {}
            Step::Sync => {
                self.settle();
                self.rig.disk.sync().unwrap();
                self.model.waiting.iter_mut().for_each(|item| item.is_synced = true);
                self.model.untold.clear();
            }
            Step::End => {
                self.rig.disk.set_fails(false);
                self.rig.keeper.finish();
                self.rig.disk.cut(u64::MAX);
                self.restart();
                assert_eq!(self.rig.everything(), self.model.ids());
                assert_eq!(self.model.dropped, [0; 2]);
                self.model.untold.clear();
            }
            Step::Kill => {
                self.restart();
                let found = self.rig.everything();
                self.model.meet(&found, |item| item.is_written);
                self.take_over(&found);
            }
            Step::PowerCut(random) => {
                self.rig.disk.cut(random);
                self.restart();
                let found = self.rig.everything();
                self.model.meet(&found, |item| item.is_synced);
                self.take_over(&found);
            }
            Step::FailDisk => self.rig.disk.set_fails(true),
            Step::RepairDisk => self.rig.disk.set_fails(false),
        }
        let bytes = self.rig.disk.bytes();
        assert!(bytes <= BYTES_MAX, "{bytes} bytes");
        let waiting = self.rig.shared.queue();
        let waiting = [Kind::Result, Kind::Alarm].map(|kind| waiting.waiting(kind));
        assert_eq!(waiting.iter().sum::<usize>(), self.model.waiting.len());
    }

    fn push(&mut self, is_alarm: bool, size: usize) {
        let kind = if is_alarm { Kind::Alarm } else { Kind::Result };
        let body = outgoing(kind, self.next, size);
        let bytes = record::item_bytes(&body.stream, &body.payload);
        self.rig.shared.queue().push(body);
        self.model.push(self.next, kind, bytes);
        self.kinds.push((kind, bytes));
        self.next += 1;
        let queue = self.rig.shared.queue();
        assert_eq!([Kind::Result, Kind::Alarm].map(|kind| queue.dropped(kind)), self.model.dropped);
        drop(queue);
        self.taken.retain(|(_, id)| self.model.waiting.iter().any(|item| item.id == *id));
    }

    fn take(&mut self) {
        let taken = self.rig.take();
        let expected = self.model.waiting.iter_mut().find(|item| !item.is_sent);
        match (taken, expected) {
            (Some((number, id)), Some(expected)) => {
                assert_eq!(id, expected.id);
                expected.is_sent = true;
                self.taken.push((number, id));
            }
            (None, None) => {}
            (Some(found), None) => panic!("{found:?} leaves twice"),
            (None, Some(expected)) => panic!("{} stays", expected.id),
        }
    }

    fn settle(&mut self) {
        self.rig.settle();
        self.model.waiting.iter_mut().for_each(|item| item.is_written = true);
    }

    fn restart(&mut self) {
        self.rig.disk.set_fails(false);
        self.rig = Rig::open(self.rig.disk.clone());
        let queue = self.rig.shared.queue();
        self.model.dropped = [Kind::Result, Kind::Alarm].map(|kind| queue.dropped(kind));
        drop(queue);
        self.taken.clear();
        self.model.waiting.iter_mut().for_each(|item| item.is_sent = false);
    }

    /// What was found is what waits from now on.
    fn take_over(&mut self, found: &[u32]) {
        let before: BTreeSet<u32> =
            self.model.ids().into_iter().chain(self.model.untold.clone()).collect();
        self.model.untold = before;
        self.model.waiting = found
            .iter()
            .map(|&id| {
                let (kind, bytes) = self.kinds[id as usize];
                let is_synced = false;
                Waiting { id, kind, bytes, is_sent: false, is_written: true, is_synced }
            })
            .collect();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nothing_that_waits_is_lost_and_nothing_acknowledged_comes_again(
        steps in prop::collection::vec(step(), 1..250)
    ) {
        let mut trial = Trial::new();
        for step in steps {
            trial.make(step);
        }
        trial.make(Step::End);
    }
}

#[test]
fn a_few_alarms_do_not_hold_the_place_of_what_was_acknowledged_around_them() {
    let mut trial = Trial::new();
    for round in 0..400 {
        trial.push(round % 40 == 0, 100);
        trial.settle();
        trial.take();
        let is_alarm = |&(_, id): &(u64, u32)| id % 40 == 0;
        trial.taken.retain(|taken| !is_alarm(taken));
        trial.make(Step::Acknowledge(0));
    }
    assert_eq!(trial.model.ids(), (0..400).step_by(40).collect::<Vec<u32>>());
    assert!(trial.rig.disk.segments().unwrap().len() <= 32);
    trial.make(Step::End);
}

#[test]
fn results_are_dropped_before_alarms_and_the_oldest_first() {
    let mut trial = Trial::new();
    (0..3).for_each(|_| trial.push(true, 0));
    (0..ITEMS_MAX).for_each(|_| trial.push(false, 0));
    assert_eq!(trial.model.dropped, [3, 0]);
    trial.settle();
    let all = trial.rig.everything();
    assert_eq!((all[2], all[3]), (2, 6), "alarms keep their place");
    (0..ITEMS_MAX).for_each(|_| trial.push(true, 0));
    assert_eq!(trial.model.dropped, [ITEMS_MAX as u64, 3]);
    assert_eq!(trial.rig.shared.queue().dropped(Kind::Alarm), 3);
}

#[test]
fn a_disk_that_fails_costs_memory_within_bounds_and_is_used_again() {
    let mut rig = Rig::open(Memory::default());
    rig.disk.set_fails(true);
    let push = |rig: &Rig, id| rig.shared.queue().push(outgoing(Kind::Result, id, 10));
    push(&rig, 0);
    rig.keeper.step(rig.now);
    assert_eq!(rig.shared.disk_errors.get(), 1);
    push(&rig, 1);
    assert_eq!(rig.take().unwrap().1, 0);
    assert_eq!(rig.take().unwrap().1, 1, "what comes while the disk fails leaves, too");
    rig.disk.set_fails(false);
    rig.settle();
    let mut again = Rig::open(rig.disk.clone());
    assert_eq!(again.everything(), [0, 1]);
}

#[test]
fn what_is_acknowledged_at_once_is_never_written() {
    let mut rig = Rig::open(Memory::default());
    rig.shared.queue().push(outgoing(Kind::Result, 0, 10));
    let (number, _) = rig.take().unwrap();
    rig.shared.queue().remove(number);
    rig.settle();
    assert_eq!(rig.disk.bytes(), 0);
}

#[test]
fn results_are_written_together_and_alarms_at_once() {
    let mut rig = Rig::open(Memory::default());
    let push = |rig: &Rig, kind, id| rig.shared.queue().push(outgoing(kind, id, 10));
    let wait = |rig: &Rig, later| rig.keeper.wait(&rig.shared.queue(), rig.now + later);
    rig.now += GATHERING;
    push(&rig, Kind::Result, 0);
    assert_eq!(wait(&rig, Duration::ZERO), Duration::ZERO, "the first one after a while");
    rig.keeper.step(rig.now);
    push(&rig, Kind::Result, 1);
    assert_eq!(wait(&rig, Duration::ZERO), GATHERING);
    assert_eq!(wait(&rig, GATHERING), Duration::ZERO);
    push(&rig, Kind::Alarm, 2);
    assert_eq!(wait(&rig, Duration::ZERO), Duration::ZERO);
}

#[test]
fn a_write_that_failed_may_have_written_what_leaves_from_memory() {
    let mut rig = Rig::open(Memory::default());
    let push = |rig: &Rig, id, size| rig.shared.queue().push(outgoing(Kind::Result, id, size));
    push(&rig, 0, 0);
    rig.settle();
    rig.disk.set_fails(true);
    // The first half of the bytes, and with it the first record, gets to the disk.
    push(&rig, 1, 0);
    push(&rig, 2, 100);
    rig.keeper.step(rig.now);
    let taken: Vec<(u64, u32)> = std::iter::from_fn(|| rig.take()).collect();
    assert_eq!(taken.iter().map(|(_, id)| *id).collect::<Vec<u32>>(), [0, 1, 2]);
    rig.shared.queue().remove(taken[1].0);
    rig.disk.set_fails(false);
    rig.settle();
    assert_eq!(Rig::open(rig.disk.clone()).everything(), [0, 2]);
}

#[test]
fn what_only_memory_has_is_bounded() {
    let (_, bounds) = bounds();
    let mut queue = Queue::new(Bounds { memory_bytes_max: 300, ..bounds });
    (0..10).for_each(|id| _ = queue.push(outgoing(Kind::Result, id, 66)));
    assert_eq!((queue.waiting(Kind::Result), queue.dropped(Kind::Result)), (3, 7));
    assert_eq!(queue.to_write(usize::MAX).len(), 3);
}

#[test]
fn damage_on_the_disk_costs_what_it_hits_and_is_counted() {
    let mut rig = Rig::open(Memory::default());
    (0..4).for_each(|id| _ = rig.shared.queue().push(outgoing(Kind::Alarm, id, 50)));
    rig.settle();
    assert_eq!(rig.everything(), [0, 1, 2, 3]);
    // Found out when it is read again on the way to the broker.
    rig.disk.spoil(0, 200);
    assert_eq!(rig.everything(), [0, 1, 3]);
    assert_eq!(rig.shared.damaged.get(), 1);
    // And at the start.
    rig.settle();
    rig.disk.spoil(0, 30);
    let mut again = Rig::open(rig.disk.clone());
    assert_eq!(again.everything(), [1, 3]);
    assert!(again.shared.damaged.get() >= 1);
}

#[test]
fn the_threads_write_what_comes_and_the_next_start_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox");
    let outgoing = |text: &str, kind| Outgoing {
        kind,
        stream: "pump-7".to_owned(),
        payload: Bytes::from(text.to_owned()),
        received: Instant::now(),
    };
    let outbox = Outbox::open(&path, 4_000_000).unwrap();
    outbox.push(outgoing("one", Kind::Result));
    outbox.push(outgoing("two", Kind::Alarm));
    outbox.push(outgoing("three", Kind::Result));
    let take = |outbox: &Outbox| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let wait = async {
            loop {
                match outbox.take() {
                    Some(taken) => return taken,
                    None => outbox.changed().await,
                }
            }
        };
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(20), wait).await })
            .unwrap()
    };
    let (number, body) = take(&outbox);
    assert_eq!(body.payload, "one");
    outbox.acknowledge(number);
    let large = "x".repeat(70_000);
    outbox.push(outgoing(&large, Kind::Result));
    assert_eq!(outbox.figures().results_dropped, 1);
    drop(outbox);
    let outbox = Outbox::open(&path, 4_000_000).unwrap();
    assert_eq!((outbox.figures().results_waiting, outbox.figures().alarms_waiting), (1, 1));
    let (_, body) = take(&outbox);
    assert_eq!(
        (body.kind, &body.payload[..], &body.stream[..]),
        (Kind::Alarm, &b"two"[..], "pump-7")
    );
    assert_eq!(take(&outbox).1.payload, "three");
}
