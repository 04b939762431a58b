//! How fast capture files are read: `cargo run --release -p flowtrace-capture --example frames FILE...`
//!
//! Prints frames, captured bytes and frames a second of each file. Read a file twice to measure without the disk.

use std::{
    env,
    error::Error,
    io::{Write, stdout},
    path::PathBuf,
    time::Instant,
};

use flowtrace_capture::file::Reader;

fn main() -> Result<(), Box<dyn Error>> {
    for path in env::args_os().skip(1).map(PathBuf::from) {
        let begin = Instant::now();
        let mut reader = Reader::open(&path)?;
        let (mut frames, mut bytes) = (0u64, 0u64);
        while let Some(frame) = reader.next()? {
            frames += 1;
            bytes += frame.bytes.len() as u64;
        }
        let rate = frames as f64 / begin.elapsed().as_secs_f64() / 1e6;
        writeln!(stdout(), "{}: {frames} frames, {bytes} bytes, {rate:.1} M frames/s", path.display())?;
    }
    Ok(())
}
