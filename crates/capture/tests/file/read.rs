//! Reading a whole capture at once.

use std::io::Cursor;

use flowtrace_capture::file::{Error, Reader};
use flowtrace_wire::Link;

/// A frame that outlives its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    pub time: Option<u64>,
    pub link: Link,
    pub wire_length: u32,
    pub bytes: Vec<u8>,
    pub interface: u32,
}

/// All frames of a reader, and the error that ended it.
pub fn drain(reader: &mut Reader) -> (Vec<Owned>, Option<Error>) {
    let mut frames = Vec::new();
    let error = loop {
        match reader.next() {
            Ok(Some(frame)) => frames.push(Owned {
                time: frame.time,
                link: frame.link,
                wire_length: frame.wire_length,
                bytes: frame.bytes.to_vec(),
                interface: frame.interface,
            }),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(reader.next(), Ok(None)), "nothing follows the end or an error");
    (frames, error)
}

/// A reader over bytes.
pub fn open(bytes: &[u8]) -> Result<Reader, Error> {
    Reader::new(Box::new(Cursor::new(bytes.to_vec())), "test".into())
}

/// All frames of a capture, and the error that ended it.
pub fn read(bytes: &[u8]) -> (Vec<Owned>, Option<Error>) {
    match open(bytes) {
        Ok(mut reader) => drain(&mut reader),
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// All frames of a capture that is whole.
pub fn read_whole(bytes: &[u8]) -> Vec<Owned> {
    let (frames, error) = read(bytes);
    assert!(error.is_none(), "{}", error.map(|error| error.to_string()).unwrap_or_default());
    frames
}
