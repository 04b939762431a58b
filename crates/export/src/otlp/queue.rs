//! The queue `otlp` between the producer and the worker: bounded, counted in batches.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Notify;

/// A finished batch.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    /// An `ExportTraceServiceRequest`.
    pub(super) bytes: Bytes,
    /// How many spans are in it.
    pub(super) records: u64,
}

/// Why a batch did not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No room until the deadline.
    Full,
    /// Nobody takes batches any more.
    Closed,
}

/// One or more producers that block, one consumer that awaits.
#[derive(Debug)]
pub(super) struct Queue {
    bound: usize,
    state: Mutex<State>,
    /// Told when a batch was taken, or the queue closed.
    room: Condvar,
    /// Told when a batch was added, or the queue closed.
    ready: Notify,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Encoded>,
    closed: bool,
}

impl Queue {
    /// A queue of at most so many batches, one at least.
    pub(super) fn new(bound: usize) -> Self {
        Self { bound: bound.max(1), state: Mutex::default(), room: Condvar::new(), ready: Notify::new() }
    }

    /// Adds a batch; while the queue is full, waits until `deadline`, without one for ever.
    pub(super) fn push(&self, batch: Encoded, deadline: Option<Instant>) -> Result<(), Refusal> {
        let mut state = self.lock();
        while !state.closed && state.batches.len() >= self.bound {
            let Some(deadline) = deadline else {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Refusal::Full);
            }
            state = self.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closed {
            return Err(Refusal::Closed);
        }
        state.batches.push_back(batch);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// The next batch; `None` when the queue is closed and empty.
    pub(super) async fn pop(&self) -> Option<Encoded> {
        loop {
            {
                let mut state = self.lock();
                if let Some(batch) = state.batches.pop_front() {
                    self.room.notify_one();
                    return Some(batch);
                }
                if state.closed {
                    return None;
                }
            }
            // A notification between the look and the wait is kept for the wait.
            self.ready.notified().await;
        }
    }

    /// Takes no more batches; those inside still come out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
        self.room.notify_all();
    }

    /// Takes out everything.
    pub(super) fn drain(&self) -> VecDeque<Encoded> {
        std::mem::take(&mut self.lock().batches)
    }

    /// How many batches wait.
    pub(super) fn depth(&self) -> usize {
        self.lock().batches.len()
    }

    /// No code panics with the lock held; if one did, the state would still be whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn batch(records: u64) -> Encoded {
        Encoded { bytes: Bytes::new(), records }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_full_queue_refuses_when_the_time_is_over() {
        let queue = Queue::new(2);
        let now = Some(Instant::now());
        assert_eq!(queue.push(batch(1), now), Ok(()));
        assert_eq!(queue.push(batch(2), now), Ok(()));
        assert_eq!(queue.push(batch(3), now), Err(Refusal::Full));
        assert_eq!(queue.push(batch(3), Some(Instant::now() + Duration::from_millis(20))), Err(Refusal::Full));
        assert_eq!(queue.depth(), 2);
        assert_eq!(block_on(queue.pop()).unwrap().records, 1);
        assert_eq!(queue.push(batch(3), now), Ok(()));
        queue.close();
        assert_eq!(queue.push(batch(4), None), Err(Refusal::Closed));
        assert_eq!(block_on(queue.pop()).unwrap().records, 2);
        assert_eq!(block_on(queue.pop()).unwrap().records, 3);
        assert!(block_on(queue.pop()).is_none());
    }

    #[test]
    fn producer_and_consumer_wait_for_each_other() {
        let queue = Arc::new(Queue::new(1));
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
            assert_eq!(block_on(queue.pop()).unwrap().records, number);
        }
        assert!(block_on(queue.pop()).is_none());
        producer.join().unwrap();
    }

    #[test]
    fn closing_frees_a_waiting_producer() {
        let queue = Arc::new(Queue::new(1));
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
