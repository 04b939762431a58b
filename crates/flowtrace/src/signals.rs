//! SIGINT and SIGTERM: the first asks the program to finish, the second ends it at once.

use std::io::{self, Read, Stdin, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

/// The two signals, as something to ask for and to wait for.
#[derive(Clone)]
pub struct Signals {
    wake: Arc<UnixStream>,
    stop: Arc<AtomicBool>,
}

impl Signals {
    /// Catches them from now on, in a thread of its own, whatever the others do. At the first one `hurry` is called. At
    /// the second one `clean_up` is, and the process ends with 128 and the signal's number, as shells say it of a process
    /// that a signal ended.
    pub fn catch(hurry: impl FnOnce() + Send + 'static, clean_up: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (wake, mut write) = UnixStream::pair()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        let wait = move || {
            let mut signals = signals.forever();
            if signals.next().is_some() {
                hurry();
                stopped.store(true, Ordering::Release);
                // It never gets full, and is there as long as the program.
                let _ = write.write_all(b"!");
            }
            if let Some(signal) = signals.next() {
                clean_up();
                signal_hook::low_level::exit(128 + signal);
            }
        };
        thread::Builder::new().name("signals".into()).spawn(wait)?;
        Ok(Self { wake: Arc::new(wake), stop })
    }

    /// Whether one came.
    pub fn came(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Becomes readable when one comes.
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

/// Standard input that ends when a signal comes, also while nothing arrives.
pub struct InterruptibleStdin {
    stdin: Stdin,
    signals: Signals,
}

impl InterruptibleStdin {
    /// Standard input until one of these signals.
    pub fn new(signals: Signals) -> Self {
        Self { stdin: io::stdin(), signals }
    }
}

impl Read for InterruptibleStdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut files = [
            PollFd::from_borrowed_fd(self.stdin.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.wake(), PollFlags::IN),
        ];
        while !self.signals.came() {
            match poll(&mut files, None) {
                Ok(_) if files[0].revents().is_empty() => {}
                // Unbuffered: what `Stdin` holds in a buffer, `poll` does not see.
                Ok(_) => return Ok(rustix::io::read(self.stdin.as_fd(), buffer)?),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}
