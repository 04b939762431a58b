//! SIGINT and SIGTERM: the first asks the program to finish, the second ends it at once.

use std::io::{self, Read, Stdin};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

/// The two signals, as something to ask for and to wait for.
#[derive(Clone)]
pub struct Signals {
    wake: Arc<UnixStream>,
    stop: Arc<AtomicBool>,
}

impl Signals {
    /// Catches them from now on.
    pub fn catch() -> io::Result<Self> {
        let (wake, write) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
            signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
        }
        Ok(Self { wake: Arc::new(wake), stop })
    }

    /// Whether one came.
    pub fn came(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
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
