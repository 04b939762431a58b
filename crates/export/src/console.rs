//! Standard output: the only place in the program that writes to it.

use std::io::{self, ErrorKind, Stdout, Write};

/// How many bytes are gathered before they are written, unless somebody asks for them sooner.
const FULL: usize = 64 << 10;

/// Whether anybody reads the output still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Output {
    /// It can be written to.
    Open,
    /// The reader went away (`| head`): no error, but nothing more need be written.
    Closed,
}

/// Gathers lines and writes them to standard output, or to `W` in tests.
#[derive(Debug)]
pub struct Console<W = Stdout> {
    target: W,
    buffer: Vec<u8>,
    output: Output,
}

impl Console {
    /// A writer to standard output.
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> Console<W> {
    /// A writer to this target.
    pub fn new(target: W) -> Self {
        Self { target, buffer: Vec::with_capacity(2 * FULL), output: Output::Open }
    }

    /// Where lines are appended; call [`Self::written`] after each.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Says that lines were appended: writes them out when many have gathered.
    pub fn written(&mut self) -> io::Result<Output> {
        if self.buffer.len() < FULL { Ok(self.output) } else { self.flush() }
    }

    /// Writes out what has gathered. Lines that could not be written are dropped, so that an error shows once.
    pub fn flush(&mut self) -> io::Result<Output> {
        let result = match self.output {
            Output::Open => self.target.write_all(&self.buffer).and_then(|()| self.target.flush()),
            Output::Closed => Ok(()),
        };
        self.buffer.clear();
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.output = Output::Closed,
            other => other?,
        }
        Ok(self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many writes, then fails in this way.
    struct Pipe(Vec<Vec<u8>>, usize, ErrorKind);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() == self.1 {
                return Err(self.2.into());
            }
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_gather_and_come_out_in_order() {
        let mut console = Console::new(Pipe(Vec::new(), 99, ErrorKind::Other));
        let line = [b'x'; 1000];
        for _ in 0..100 {
            console.buffer().extend_from_slice(&line);
            assert_eq!(console.written().unwrap(), Output::Open);
        }
        assert_eq!(console.target.0.iter().map(Vec::len).collect::<Vec<_>>(), [66_000]);
        assert_eq!(console.flush().unwrap(), Output::Open);
        assert_eq!(console.target.0.iter().map(Vec::len).sum::<usize>(), 100_000);
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_stays_closed() {
        let mut console = Console::new(Pipe(Vec::new(), 0, ErrorKind::BrokenPipe));
        for _ in 0..3 {
            console.buffer().extend_from_slice(b"line\n");
            assert_eq!(console.flush().unwrap(), Output::Closed);
            assert_eq!(console.written().unwrap(), Output::Closed);
            assert!(console.buffer.is_empty());
        }
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut console = Console::new(Pipe(Vec::new(), 0, ErrorKind::StorageFull));
        console.buffer().extend_from_slice(b"line\n");
        assert_eq!(console.flush().unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
