//! The reader of capture files.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::AsFd,
    path::Path,
};

use super::{
    Error, Frame, Place,
    buffer::Buffer,
    error::Fault,
    pcap::{Pcap, is_pcap},
    pcapng::{Pcapng, is_pcapng},
    raw::Raw,
    source::Source,
};

/// The path that means standard input.
const STANDARD_INPUT: &str = "-";

/// Reads the frames of one capture file.
pub struct Reader {
    name: String,
    size: Option<u64>,
    buffer: Buffer,
    format: Format,
    /// The end was reached, or an error.
    done: bool,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Reader {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// [`Error::Open`], and all of [`Reader::new`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        if path == Path::new(STANDARD_INPUT) {
            let input = io::stdin().as_fd().try_clone_to_owned();
            let input = input.map_err(|source| Error::Open { name: name.clone(), source })?;
            return Self::new(Box::new(File::from(input)), "standard input".into());
        }
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = match opened {
            Ok((metadata, _)) if metadata.is_dir() => {
                return Err(Error::Open { name, source: io::ErrorKind::IsADirectory.into() });
            }
            Ok(opened) => opened,
            Err(source) => return Err(Error::Open { name, source }),
        };
        let size = metadata.is_file().then_some(metadata.len());
        Ok(Self { size, ..Self::new(Box::new(file), name)? })
    }

    /// Reads from anything; `name` is what errors call it.
    ///
    /// # Errors
    /// [`Error::NotCapture`], or what is wrong with the file's header.
    pub fn new(input: Box<dyn Read + Send>, name: String) -> Result<Self, Error> {
        let source = match Source::new(Raw::new(input)) {
            Ok(source) => source,
            Err(source) => return Err(Error::Read { place: Place { name, compression: None, offset: 0 }, source }),
        };
        let mut buffer = Buffer::new(source);
        match Format::new(&mut buffer) {
            Ok(format) => Ok(Self { name, size: None, buffer, format, done: false }),
            Err(fault) => Err(error(&name, &buffer, fault)),
        }
    }

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Damaged`] or [`Error::Read`], once; from then on there is only `None`.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Error> {
        if self.done {
            return Ok(None);
        }
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.buffer),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.buffer),
        };
        match found {
            Ok(Some(record)) => Ok(Some(Frame {
                time: record.time,
                link: record.link,
                wire_length: record.wire_length,
                bytes: self.buffer.slice(record.start, record.length),
                interface: record.interface,
            })),
            Ok(None) => {
                self.done = true;
                Ok(None)
            }
            Err(fault) => {
                self.done = true;
                Err(error(&self.name, &self.buffer, fault))
            }
        }
    }

    /// The name of an interface (pcapng if_name), by its running number in the file.
    pub fn interface_name(&self, interface: u32) -> Option<&str> {
        match &self.format {
            Format::Pcap(_) => None,
            Format::Pcapng(pcapng) => pcapng.interface_name(interface),
        }
    }

    /// How many bytes were read of the file as it lies on the disk, compressed or not.
    pub fn bytes_read(&self) -> u64 {
        self.buffer.source().raw().bytes_read()
    }

    /// The size of the file on the disk, where it is a file.
    pub const fn size(&self) -> Option<u64> {
        self.size
    }
}

impl Format {
    /// Recognises the format by its first bytes and reads the file's header.
    fn new(buffer: &mut Buffer) -> Result<Self, Fault> {
        let head = buffer.fill(12)?;
        if is_pcap(head) {
            Ok(Self::Pcap(Pcap::new(buffer)?))
        } else if is_pcapng(head) {
            Ok(Self::Pcapng(Pcapng::new(buffer)?))
        } else if head.is_empty() {
            Err(Fault::Foreign("is empty".into()))
        } else {
            let first: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            Err(Fault::Foreign(format!("begins with the bytes {}", first.join(" "))))
        }
    }
}

/// What a fault means to the user.
#[cold]
fn error(name: &str, buffer: &Buffer, fault: Fault) -> Error {
    let name = name.to_owned();
    let compression = buffer.source().compression();
    let at = |offset| Place { name: name.clone(), compression, offset };
    match fault {
        Fault::Foreign(found) => {
            let subject = compression.map_or("it".into(), |compression| format!("its {compression} content"));
            Error::NotCapture { name, found: format!("{subject} {found}") }
        }
        Fault::Truncated(offset, found) => Error::Truncated { place: at(offset), found },
        Fault::Damaged(offset, found) => Error::Damaged { place: at(offset), found },
        Fault::Stream(offset, source) if buffer.source().raw().failed() => Error::Read { place: at(offset), source },
        Fault::Stream(offset, source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            Error::Truncated { place: at(offset), found: "the compressed data end before their own end".into() }
        }
        Fault::Stream(offset, source) => {
            Error::Damaged { place: at(offset), found: format!("the compressed data are corrupt: {source}") }
        }
    }
}
