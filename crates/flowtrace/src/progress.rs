//! Progress of long work, when standard error is a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Nothing is shown before, and nothing more often.
const INTERVAL: Duration = Duration::from_millis(500);
/// How many steps pass between two looks at the clock.
const STEPS: u32 = 8192;

/// A line that is written over and over.
pub struct Progress {
    enabled: bool,
    shown: bool,
    next: Instant,
    steps: u32,
}

impl Progress {
    /// Shows progress if somebody looks, and if records do not go to the same terminal.
    pub fn new(quiet: bool) -> Self {
        let enabled = !quiet && io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self { enabled, shown: false, next: Instant::now() + INTERVAL, steps: 0 }
    }

    /// One step; `text` is only asked for when it is time to show it.
    pub fn step(&mut self, text: impl FnOnce() -> String) {
        self.steps += 1;
        if !self.enabled || self.steps < STEPS {
            return;
        }
        self.steps = 0;
        let now = Instant::now();
        if now >= self.next {
            self.next = now + INTERVAL;
            self.shown = true;
            // A terminal that cannot be written to is not worth a message.
            let _ = write!(io::stderr(), "\r{}\x1b[K", text());
        }
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
