//! Opening: what an earlier process left is read, checked and cut to what is whole.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Instant;

use super::acks;
use super::heartbeat::{self, Counts, Heartbeat};
use super::lock::{Unusable, lock};
use super::record::{BATCH_MAX, POSITION_MAX};
use super::segment::{Entry, Scan, VERSION, scan, version};
use super::settings::SpoolSettings;
use super::store::{Segment, Spool, charge};

/// No segment is longer: it is full at 16 MiB, and one more batch may follow.
const FILE_MAX: u64 = (BATCH_MAX as u64) + (32 << 20);

/// What an earlier process left, in spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Whole and not yet acknowledged: they are sent.
    pub recovered: u64,
    /// Written and not readable any more.
    pub damaged: u64,
    /// In the memory of a process that was killed.
    pub killed: u64,
    /// Bytes cut off because a record was not written to its end; its spans are in `killed` or in `damaged`.
    pub torn_bytes: u64,
}

impl Spool {
    /// Opens the spool, makes it where there is none.
    pub(crate) fn open(settings: SpoolSettings) -> Result<(Self, Found), Unusable> {
        let directory = &settings.directory;
        let lock = lock(directory)?;
        let path = directory.join("heartbeat");
        let last = heartbeat::read(&path);
        let heartbeat = Heartbeat::open(path.clone()).map_err(Unusable::io(&path))?;
        let bases = bases(directory).map_err(Unusable::io(directory))?;
        let mut spool = Self {
            settings,
            _lock: lock,
            heartbeat,
            segments: BTreeMap::new(),
            writer: None,
            reader: None,
            acks: None,
            position: last.map_or(0, |counts| counts.end),
            charged: 0,
            waiting: 0,
            unfinished: 0,
            synced: Instant::now(),
            is_dirty: false,
            is_sync_failure_told: false,
        };
        let mut found = Found { killed: last.map_or(0, |counts| counts.memory), ..Found::default() };
        for base in bases {
            spool.load(base, last, &mut found)?;
        }
        // What was written after the last heartbeat was in memory for it, and is on disk.
        let written = last.map_or(0, |counts| spool.position.saturating_sub(counts.end));
        found.killed = found.killed.saturating_sub(written);
        spool.unfinished = found.recovered;
        spool.waiting = found.recovered;
        spool.beat(0);
        tell(&found);
        Ok((spool, found))
    }

    /// Reads a segment.
    fn load(&mut self, base: u64, last: Option<Counts>, found: &mut Found) -> Result<(), Unusable> {
        let path = self.path(base, "spool");
        let bytes = read(&path).map_err(Unusable::io(&path))?;
        if let Some(version) = version(&bytes).filter(|version| *version > VERSION) {
            return Err(Unusable::Newer { path, version });
        }
        let acks_path = self.path(base, "acks");
        let done = acks::read(&acks_path).map_err(Unusable::io(&acks_path))?;
        let scan = scan(&bytes, base);
        // A segment that was begun after the last heartbeat has no known end either: all in it was in memory then.
        let known_end = last.filter(|counts| counts.segment == base || base >= counts.end).map(|counts| counts.end);
        self.position = self.position.max(scan.position);
        let mut segment = Segment::default();
        for entry in scan.entries.iter().filter(|entry| !done.contains(&entry.position)) {
            found.recovered = found.recovered.saturating_add(entry.spans.into());
            segment.waiting.push_back(*entry);
        }
        for gap in scan.gaps.iter().filter(|gap| !done.contains(&gap.position)) {
            found.damaged = found.damaged.saturating_add(gap.spans);
            // So that they are counted once. At worst they are counted again.
            let _ = self.acknowledge(base, gap.position);
        }
        found.damaged = found.damaged.saturating_add(torn(&scan, known_end));
        segment.size = scan.end as u64;
        segment.charge = charged(&scan.entries, segment.size);
        if (scan.end as u64) < bytes.len() as u64 {
            found.torn_bytes += (bytes.len() - scan.end) as u64;
            cut(&path, segment.size).map_err(Unusable::io(&path))?;
        }
        self.charged = self.charged.saturating_add(segment.charge);
        let is_done = segment.waiting.is_empty();
        self.segments.insert(base, segment);
        if is_done {
            self.delete(base);
        }
        Ok(())
    }
}

/// Spans that are missing at a segment's end. Where the heartbeat tells what had been written, a record that was being
/// written at the kill is still counted as in memory; without one, only its own header can tell.
fn torn(scan: &Scan, known_end: Option<u64>) -> u64 {
    known_end.map_or(scan.torn, |end| end.saturating_sub(scan.position))
}

/// What a segment counts as: as it did when its records were written.
fn charged(entries: &[Entry], size: u64) -> u64 {
    let ends = entries.iter().skip(1).map(|entry| entry.offset).chain([size]);
    let sizes = entries.iter().zip(ends).map(|(entry, end)| charge(end.saturating_sub(entry.offset)));
    sizes.sum::<u64>().max(size)
}

/// The segments in a directory, oldest first. Acknowledgements without a segment are deleted.
fn bases(directory: &Path) -> io::Result<Vec<u64>> {
    let mut bases = Vec::new();
    let mut acks = Vec::new();
    for file in std::fs::read_dir(directory)? {
        let path = file?.path();
        let (Some(stem), Some(extension)) = (path.file_stem(), path.extension()) else { continue };
        let base = stem.to_str().filter(|stem| stem.len() == 20).and_then(|stem| stem.parse::<u64>().ok());
        match (base.filter(|base| *base < POSITION_MAX), extension.as_encoded_bytes()) {
            (Some(base), b"spool") => bases.push(base),
            (Some(base), b"acks") => acks.push((base, path)),
            _ => {}
        }
    }
    bases.sort_unstable();
    for (base, path) in acks {
        if bases.binary_search(&base).is_err() {
            std::fs::remove_file(path)?;
        }
    }
    Ok(bases)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cut(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_data()
}

fn tell(found: &Found) {
    let Found { recovered, damaged, killed, torn_bytes } = *found;
    if recovered > 0 {
        tracing::info!(spans = recovered, "the spool holds spans of an earlier run; they are sent first");
    }
    if damaged > 0 || torn_bytes > 0 {
        tracing::warn!(spans = damaged, torn_bytes, "the spool was damaged; what could not be read is lost");
    }
    if killed > 0 {
        tracing::warn!(spans = killed, "the program was killed before; what it had in memory is lost: killed");
    }
}
