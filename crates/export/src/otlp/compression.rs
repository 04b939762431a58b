//! gzip and Zstandard, at the levels that cost least.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzEncoder;

use super::destination::Compression;

/// The bytes, compressed.
pub(super) fn compress(bytes: &Bytes, compression: Compression) -> io::Result<Bytes> {
    match compression {
        Compression::None => Ok(bytes.clone()),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), flate2::Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish().map(Bytes::from)
        }
        Compression::Zstd => zstd::bulk::compress(bytes, 1).map(Bytes::from),
    }
}
