//! The queue `otlp` between the producer and the worker: bounded, counted in batches, with a spool behind it where
//! there is one.
//!
//! ```text
//! push → memory → pop           while all is well
//! push → spool → pop            what is on disk is older than what is in memory, and goes first
//! ```
//!
//! Order is kept by one rule: before anything is appended to the spool, all that is in memory goes there, that which
//! is being sent included. Where that does not fit, the new batch stays in memory behind it, as long as there is room.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::statistics::Backlog;
use crate::spool::{Mode, Next, PROTOBUF, Place, Refused, Spool};

/// How often a producer that waits for room looks whether the receiver has gone meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// A finished batch.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    /// An `ExportTraceServiceRequest`.
    pub(super) bytes: Bytes,
    /// How many spans are in it.
    pub(super) records: u64,
}

/// A batch that is being sent.
#[derive(Debug)]
pub(super) struct Taken {
    /// For [`Queue::done`].
    pub(super) id: u64,
    /// The batch.
    pub(super) batch: Encoded,
}

/// Why a batch did not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No room until the deadline.
    Full,
    /// No room in the spool, nor in memory.
    Spool(Refused),
    /// Nobody takes batches any more.
    Closed,
}

/// What a closed queue leaves, in spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// On disk: the next start sends them.
    pub(super) spooled: u64,
    /// In memory, and lost.
    pub(super) lost: u64,
}

/// One or more producers that block, one consumer that awaits.
#[derive(Debug)]
pub(super) struct Queue {
    bound: usize,
    /// How long a receiver may be silent before a producer that could wait gives a full spool up.
    patience: Duration,
    state: Mutex<State>,
    /// Told when a batch was taken, or the queue closed.
    room: Condvar,
    /// Told when a batch was added, or the queue closed.
    ready: Notify,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Encoded>,
    taken: VecDeque<Sending>,
    /// Of the next that is taken.
    id: u64,
    spool: Option<Spool>,
    /// Since when the receiver does not answer.
    down: Option<Instant>,
    /// Records of the batch that is being made.
    building: u64,
    /// Spans that could be read from the spool no more.
    damaged: u64,
    /// Until when producers wait, whatever they say.
    end: Option<Instant>,
    closed: bool,
}

/// A batch that is being sent.
#[derive(Debug)]
struct Sending {
    id: u64,
    batch: Encoded,
    /// Where it is on disk, if it is.
    place: Option<Place>,
}

impl Queue {
    /// A queue of at most so many batches in memory, one at least.
    pub(super) fn new(bound: usize, patience: Duration, spool: Option<Spool>) -> Self {
        let state = Mutex::new(State { spool, ..State::default() });
        Self { bound: bound.max(1), patience, state, room: Condvar::new(), ready: Notify::new() }
    }

    /// Adds a batch; while there is no room, waits until `deadline`, without one for ever; but not beyond the end, and
    /// when there is a spool, and the receiver has not answered for `patience`, no longer.
    pub(super) fn push(&self, batch: Encoded, deadline: Option<Instant>) -> Result<(), Refusal> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Err(Refusal::Closed);
            }
            let refusal = match state.add(&batch, self.bound) {
                Ok(()) => break,
                Err(refusal) => refusal,
            };
            let deadline = [deadline, state.end].into_iter().flatten().min();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let hopeless = state.spool.is_some() && state.down.is_some_and(|since| since.elapsed() >= self.patience);
            if hopeless || left.is_some_and(|left| left.is_zero()) {
                return Err(refusal);
            }
            let time = left.unwrap_or(LOOK).min(LOOK);
            state = self.room.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.building = 0;
        state.beat();
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// The next batch, the oldest; `None` when the queue is closed and empty.
    pub(super) async fn pop(&self) -> Option<Taken> {
        loop {
            {
                let mut state = self.lock();
                if let Some(taken) = state.take() {
                    state.beat();
                    self.room.notify_one();
                    return Some(taken);
                }
                if state.closed {
                    return None;
                }
            }
            // A notification between the look and the wait is kept for the wait.
            self.ready.notified().await;
        }
    }

    /// The batch was delivered, or is lost.
    pub(super) fn done(&self, id: u64) {
        let mut state = self.lock();
        let place = state.taken.iter().position(|sending| sending.id == id);
        let place = place.and_then(|index| state.taken.remove(index)?.place);
        if let (Some(place), Some(spool)) = (place, &mut state.spool) {
            spool.done(place);
        }
        state.beat();
        self.room.notify_one();
    }

    /// The receiver answers, or does not: then what is in memory goes to disk. Whether there is a spool.
    pub(super) fn set_down(&self, is_down: bool) -> bool {
        let mut state = self.lock();
        if is_down && state.down.is_none() {
            state.spill();
            state.beat();
        }
        state.down = is_down.then(|| state.down.unwrap_or_else(Instant::now));
        state.spool.is_some()
    }

    /// Says how many records are in the batch that is being made, for the heartbeat; synchronises what is due.
    pub(super) fn beat(&self, building: u64) {
        let mut state = self.lock();
        state.building = building;
        state.beat();
    }

    /// From now on producers wait until then at most, also those that wait already.
    pub(super) fn end_by(&self, end: Instant) {
        self.lock().end = Some(end);
        self.room.notify_all();
    }

    /// Until when producers wait, if that was said.
    pub(super) fn end(&self) -> Option<Instant> {
        self.lock().end
    }

    /// Takes no more batches; those inside still come out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
        self.room.notify_all();
    }

    /// Ends: what is in memory goes to the spool where there is one, else it is lost.
    pub(super) fn abandon(&self) -> Left {
        self.close();
        self.lock().abandon()
    }

    /// How many batches wait in memory.
    pub(super) fn depth(&self) -> usize {
        self.lock().batches.len()
    }

    /// What waits, and since when the receiver does not answer.
    pub(super) fn backlog(&self) -> (Backlog, Option<Instant>) {
        let state = self.lock();
        let spool = state.spool.as_ref().map(Spool::fill);
        (Backlog { batches: state.batches.len(), batches_max: self.bound, spool }, state.down)
    }

    /// How many more batches of so many bytes there is room for, without the last quarter of memory and spool.
    pub(super) fn room(&self, batch_bytes: usize) -> usize {
        let state = self.lock();
        let memory = mark(self.bound).saturating_sub(state.batches.len());
        let disk = state.spool.as_ref().map_or(0, |spool| spool.room() as usize / batch_bytes.max(1));
        memory + disk
    }

    /// Spans that were in the spool and could be read no more.
    pub(super) fn damaged(&self) -> u64 {
        self.lock().damaged
    }

    /// No code panics with the lock held; if one did, the state would still be whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds a batch where it belongs.
    fn add(&mut self, batch: &Encoded, bound: usize) -> Result<(), Refusal> {
        let mut refusal = Refusal::Full;
        if self.wants_disk(bound) {
            match self.spill_and_append(batch) {
                Ok(()) => return Ok(()),
                Err(refused) => refusal = Refusal::Spool(refused),
            }
        }
        if self.batches.len() >= bound {
            return Err(refusal);
        }
        self.batches.push_back(batch.clone());
        Ok(())
    }

    /// Whether the next batch goes to disk: once there are some, until all of them were taken.
    fn wants_disk(&self, bound: usize) -> bool {
        self.spool.as_ref().is_some_and(|spool| {
            let is_past_mark = self.batches.len() >= mark(bound);
            spool.settings().mode == Mode::Always || spool.waiting() > 0 || self.down.is_some() || is_past_mark
        })
    }

    fn spill_and_append(&mut self, batch: &Encoded) -> Result<(), Refused> {
        self.spill_all()?;
        self.spool.as_mut().map_or(Err(Refused::Full), |spool| append(spool, batch))
    }

    /// Moves to disk what is in memory, oldest first, as far as it fits.
    fn spill(&mut self) {
        // What does not fit stays where it is.
        let _ = self.spill_all();
    }

    fn spill_all(&mut self) -> Result<(), Refused> {
        let Some(spool) = &mut self.spool else { return Ok(()) };
        for sending in self.taken.iter_mut().filter(|sending| sending.place.is_none()) {
            let Encoded { bytes, records } = &sending.batch;
            sending.place = Some(spool.append_taken(bytes, *records, PROTOBUF)?);
        }
        while let Some(batch) = self.batches.front() {
            append(spool, batch)?;
            self.batches.pop_front();
        }
        Ok(())
    }

    fn take(&mut self) -> Option<Taken> {
        let (batch, place) = match self.take_spooled() {
            Some((batch, place)) => (batch, Some(place)),
            None => (self.batches.pop_front()?, None),
        };
        self.id += 1;
        let id = self.id;
        self.taken.push_back(Sending { id, batch: batch.clone(), place });
        Some(Taken { id, batch })
    }

    fn take_spooled(&mut self) -> Option<(Encoded, Place)> {
        let spool = self.spool.as_mut()?;
        loop {
            match spool.next()? {
                Next::Batch { place, bytes, encoding: PROTOBUF } => {
                    let records = place.spans();
                    return Some((Encoded { bytes: bytes.into(), records }, place));
                }
                // Of an encoding that this version does not have.
                Next::Batch { place, .. } => {
                    self.damaged += place.spans();
                    spool.done(place);
                }
                Next::Damaged(spans) => self.damaged += spans,
            }
        }
    }

    /// Records that are in memory only.
    fn in_memory(&self) -> u64 {
        let taken = self.taken.iter().filter(|sending| sending.place.is_none()).map(|sending| &sending.batch);
        self.batches.iter().chain(taken).map(|batch| batch.records).sum::<u64>() + self.building
    }

    fn beat(&mut self) {
        let memory = self.in_memory();
        if let Some(spool) = &mut self.spool {
            spool.beat(memory);
        }
    }

    fn abandon(&mut self) -> Left {
        self.building = 0;
        self.spill();
        let lost = self.in_memory();
        self.batches.clear();
        self.taken.clear();
        Left { spooled: self.spool.take().map_or(0, Spool::close), lost }
    }
}

/// From how many batches in memory on the queue counts as nearly full.
const fn mark(bound: usize) -> usize {
    bound - bound / 4
}

fn append(spool: &mut Spool, batch: &Encoded) -> Result<(), Refused> {
    spool.append(&batch.bytes, batch.records, PROTOBUF)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn batch(records: u64) -> Encoded {
        Encoded { bytes: Bytes::new(), records }
    }

    fn queue(bound: usize) -> Queue {
        Queue::new(bound, Duration::ZERO, None)
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_full_queue_refuses_when_the_time_is_over() {
        let queue = queue(2);
        let now = Some(Instant::now());
        assert_eq!(queue.push(batch(1), now), Ok(()));
        assert_eq!(queue.push(batch(2), now), Ok(()));
        assert_eq!(queue.push(batch(3), now), Err(Refusal::Full));
        assert_eq!(queue.push(batch(3), Some(Instant::now() + Duration::from_millis(20))), Err(Refusal::Full));
        assert_eq!(queue.depth(), 2);
        assert_eq!(block_on(queue.pop()).unwrap().batch.records, 1);
        assert_eq!(queue.push(batch(3), now), Ok(()));
        queue.close();
        assert_eq!(queue.push(batch(4), None), Err(Refusal::Closed));
        assert_eq!(block_on(queue.pop()).unwrap().batch.records, 2);
        assert_eq!(block_on(queue.pop()).unwrap().batch.records, 3);
        assert!(block_on(queue.pop()).is_none());
    }

    #[test]
    fn producer_and_consumer_wait_for_each_other() {
        let queue = Arc::new(queue(1));
        let producer = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                for number in 0..1000 {
                    queue.push(batch(number), None).unwrap();
                }
                queue.close();
            }
        });
        for number in 0..1000 {
            assert_eq!(block_on(queue.pop()).unwrap().batch.records, number);
        }
        assert!(block_on(queue.pop()).is_none());
        producer.join().unwrap();
    }

    #[test]
    fn while_some_are_on_disk_the_next_go_there_and_order_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let settings = crate::spool::SpoolSettings::new(folder.path().to_owned());
        let queue = Queue::new(4, Duration::ZERO, Some(Spool::open(settings).unwrap().0));
        let push = |number| queue.push(batch(number), None).unwrap();
        let pop = || block_on(queue.pop()).unwrap().batch.records;
        push(1);
        assert_eq!(queue.depth(), 1);
        queue.set_down(true);
        assert_eq!(queue.depth(), 0);
        push(2);
        queue.set_down(false);
        push(3);
        assert_eq!((queue.depth(), pop(), pop(), pop()), (0, 1, 2, 3));
        // All were taken: memory again, up to its mark, and then all of it.
        for (number, depth) in [(4, 1), (5, 2), (6, 3), (7, 0), (8, 0)] {
            push(number);
            assert_eq!(queue.depth(), depth);
        }
        queue.close();
        let left = (4..9).map(|_| pop()).collect::<Vec<_>>();
        assert_eq!(left, [4, 5, 6, 7, 8]);
        assert_eq!(queue.abandon(), Left { spooled: 36, lost: 0 });
    }

    #[test]
    fn room_ends_where_the_last_quarter_begins() {
        let queue = queue(4);
        for room in [3, 2, 1, 0, 0] {
            assert_eq!(queue.room(1 << 20), room);
            let _ = queue.push(batch(1), Some(Instant::now()));
        }
        let folder = tempfile::tempdir().unwrap();
        let settings = crate::spool::SpoolSettings {
            size: 16 << 20,
            ..crate::spool::SpoolSettings::new(folder.path().to_owned())
        };
        let queue = Queue::new(4, Duration::ZERO, Some(Spool::open(settings).unwrap().0));
        assert_eq!(queue.room(1 << 20), 3 + 12);
        queue.set_down(true);
        let batch = Encoded { bytes: vec![0; 3 << 20].into(), records: 1 };
        for room in [3 + 8, 3 + 5, 3 + 2, 3, 3] {
            queue.push(batch.clone(), Some(Instant::now())).unwrap();
            assert_eq!(queue.room(1 << 20), room);
        }
    }

    #[test]
    fn closing_frees_a_waiting_producer() {
        let queue = Arc::new(queue(1));
        queue.push(batch(1), None).unwrap();
        let producer = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.push(batch(2), None)
        });
        std::thread::sleep(Duration::from_millis(20));
        queue.close();
        assert_eq!(producer.join().unwrap(), Err(Refusal::Closed));
    }
}
