//! The spool of a running process: what is appended at one end and taken at the other.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::Instant;

use super::acks::Acks;
use super::heartbeat::{Counts, Heartbeat};
use super::lock::options;
use super::record::{BATCH_MAX, HEADER, Header, POSITION_MAX};
use super::segment::{Entry, START, start};
use super::settings::{SpoolSettings, Sync};
use crate::otlp::SpoolFill;

/// What a record counts as, at least: it costs memory, too.
const CHARGE_MIN: u64 = 1 << 10;

/// Why a batch was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The spool holds as much as it may.
    Full,
    /// The disk, or the user's quota, is full.
    DiskFull,
    /// The disk failed in another way.
    DiskFailed,
}

/// A record that was taken and is not done yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    segment: u64,
    position: u64,
    spans: u32,
}

impl Place {
    /// Spans in the record.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.into()
    }
}

/// What comes out.
#[derive(Debug)]
pub(crate) enum Next {
    /// A batch.
    Batch {
        /// For [`Spool::done`].
        place: Place,
        /// The batch.
        bytes: Vec<u8>,
        /// How it is encoded.
        encoding: u8,
    },
    /// So many spans that can be read no more. They are done.
    Damaged(u64),
}

/// What is known of a segment.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// The file's length.
    pub(super) size: u64,
    /// What it counts as.
    pub(super) charge: u64,
    /// Records that nobody has taken.
    pub(super) waiting: VecDeque<Entry>,
    /// How many were taken and are not done.
    pub(super) taken: u64,
}

impl Segment {
    fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.taken == 0
    }
}

/// A spool. Dropped without [`Spool::close`], it is left as by a process that was killed.
#[derive(Debug)]
pub(crate) struct Spool {
    pub(super) settings: SpoolSettings,
    pub(super) _lock: File,
    pub(super) heartbeat: Heartbeat,
    /// By the position of the first record.
    pub(super) segments: BTreeMap<u64, Segment>,
    /// The segment that is appended to: the last.
    pub(super) writer: Option<(u64, File)>,
    pub(super) reader: Option<(u64, File)>,
    pub(super) acks: Option<(u64, Acks)>,
    /// Of the next record.
    pub(super) position: u64,
    /// Bytes that count towards the size.
    pub(super) charged: u64,
    /// Spans that nobody has taken.
    pub(super) waiting: u64,
    /// Spans that are not done.
    pub(super) unfinished: u64,
    /// When all that was written was synchronised, and whether more was written since.
    pub(super) synced: Instant,
    pub(super) is_dirty: bool,
    pub(super) is_sync_failure_told: bool,
}

impl Spool {
    /// Spans that wait to be taken.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Bytes until three quarters of the size are taken.
    pub(crate) fn room(&self) -> u64 {
        (self.settings.size - self.settings.size / 4).saturating_sub(self.charged)
    }

    /// How full it is.
    pub(crate) fn fill(&self) -> SpoolFill {
        SpoolFill { size: self.charged, size_max: self.settings.size, records: self.unfinished }
    }

    /// What was chosen.
    pub(crate) fn settings(&self) -> &SpoolSettings {
        &self.settings
    }

    /// Adds a batch at the end.
    pub(crate) fn append(&mut self, batch: &[u8], spans: u64, encoding: u8) -> Result<(), Refused> {
        let (base, entry) = self.write(batch, spans, encoding)?;
        self.segments.entry(base).or_default().waiting.push_back(entry);
        self.waiting += spans;
        Ok(())
    }

    /// Adds a batch that is being sent already: it comes out again after a restart only.
    pub(crate) fn append_taken(&mut self, batch: &[u8], spans: u64, encoding: u8) -> Result<Place, Refused> {
        let (segment, entry) = self.write(batch, spans, encoding)?;
        self.segments.entry(segment).or_default().taken += 1;
        Ok(Place { segment, position: entry.position, spans: entry.spans })
    }

    /// Takes out the oldest batch; it stays on disk until it is done.
    pub(crate) fn next(&mut self) -> Option<Next> {
        let (&base, segment) = self.segments.iter_mut().find(|(_, segment)| !segment.waiting.is_empty())?;
        let entry = segment.waiting.pop_front()?;
        segment.taken += 1;
        self.waiting -= u64::from(entry.spans);
        let place = Place { segment: base, position: entry.position, spans: entry.spans };
        match self.read(base, entry) {
            Ok((bytes, encoding)) => Some(Next::Batch { place, bytes, encoding }),
            Err(error) => {
                tracing::warn!(%error, position = entry.position, "a batch in the spool can be read no more");
                self.done(place);
                Some(Next::Damaged(entry.spans.into()))
            }
        }
    }

    /// A batch is done: it does not come back.
    pub(crate) fn done(&mut self, place: Place) {
        let Some(segment) = self.segments.get_mut(&place.segment) else { return };
        segment.taken = segment.taken.saturating_sub(1);
        let delete = segment.is_done() && self.writer.as_ref().is_none_or(|(base, _)| *base != place.segment);
        self.unfinished = self.unfinished.saturating_sub(place.spans.into());
        if delete {
            self.delete(place.segment);
        } else if let Err(error) = self.acknowledge(place.segment, place.position) {
            tracing::debug!(%error, "an acknowledgement was not written; after a restart its batch is sent again");
        }
    }

    /// Synchronises when the interval is over, and says what would be lost now: so many spans are in memory only.
    pub(crate) fn beat(&mut self, memory: u64) {
        if matches!(self.settings.sync, Sync::Interval(interval) if self.synced.elapsed() >= interval) {
            self.sync();
        }
        let segment = self.writer.as_ref().map_or(u64::MAX, |(base, _)| *base);
        if let Err(error) = self.heartbeat.beat(Counts { memory, end: self.position, segment }) {
            tracing::debug!(%error, "the spool's heartbeat was not written");
        }
    }

    /// A regular end. Returns how many spans are left.
    pub(crate) fn close(mut self) -> u64 {
        self.finish_segment();
        if let Err(error) = self.heartbeat.end() {
            tracing::warn!(%error, "the spool's heartbeat stays; the next start will take it for one of a killed process");
        }
        self.unfinished
    }

    fn write(&mut self, batch: &[u8], spans: u64, encoding: u8) -> Result<(u64, Entry), Refused> {
        let spans = u32::try_from(spans).ok().filter(|spans| *spans > 0 && self.position < POSITION_MAX);
        let length = u32::try_from(batch.len()).ok().filter(|length| *length as usize <= BATCH_MAX);
        let (Some(spans), Some(length)) = (spans, length) else { return Err(Refused::Full) };
        let header = Header::of(batch, length, spans, encoding, self.position);
        let charge = (header.size() as u64).max(CHARGE_MIN);
        self.make_room(charge)?;
        let base = self.segment().map_err(refused)?;
        let (Some((_, file)), Some(segment)) = (&self.writer, self.segments.get_mut(&base)) else {
            return Err(Refused::DiskFailed);
        };
        let offset = segment.size;
        let written = file.write_all_at(&header.bytes(), offset);
        if let Err(error) = written.and_then(|()| file.write_all_at(batch, offset + HEADER as u64)) {
            // Cutting a file needs no room. Should it fail, the next record is written over what is there.
            let _ = file.set_len(offset);
            return Err(refused(error));
        }
        segment.size += header.size() as u64;
        segment.charge += charge;
        self.charged += charge;
        self.position = header.end();
        self.unfinished += u64::from(spans);
        self.is_dirty = true;
        if self.settings.sync == Sync::Batch {
            self.sync();
        }
        Ok((base, Entry { offset, position: header.position, spans }))
    }

    /// Makes sure that a record fits, and that the segment that is appended to has room.
    fn make_room(&mut self, charge: u64) -> Result<(), Refused> {
        let is_full = |spool: &Self, base| {
            spool.segments.get(base).is_none_or(|segment: &Segment| segment.size >= spool.settings.segment())
        };
        if self.writer.as_ref().is_some_and(|(base, _)| is_full(self, base)) {
            self.finish_segment();
        }
        let fits = |spool: &Self| spool.charged + charge + START as u64 <= spool.settings.size;
        if !fits(self) {
            // What is done in the last segment may be what is in the way.
            let last = self.writer.as_ref().map(|(base, _)| *base);
            if last.and_then(|base| self.segments.get(&base)).is_some_and(Segment::is_done) {
                self.finish_segment();
            }
        }
        if fits(self) { Ok(()) } else { Err(Refused::Full) }
    }

    /// The segment that is appended to; begins one where there is none.
    fn segment(&mut self) -> io::Result<u64> {
        if let Some((base, _)) = &self.writer {
            return Ok(*base);
        }
        let base = self.position;
        let path = self.path(base, "spool");
        let file = options().write(true).create_new(true).open(&path)?;
        let directory = File::open(&self.settings.directory);
        if let Err(error) = file.write_all_at(&start(), 0).and_then(|()| directory?.sync_all()) {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        self.writer = Some((base, file));
        self.charged += START as u64;
        self.segments.insert(base, Segment { size: START as u64, charge: START as u64, ..Segment::default() });
        Ok(base)
    }

    /// Appends to this segment no more.
    fn finish_segment(&mut self) {
        self.sync();
        if let Some((base, _)) = self.writer.take()
            && self.segments.get(&base).is_some_and(Segment::is_done)
        {
            self.delete(base);
        }
    }

    fn sync(&mut self) {
        if !std::mem::take(&mut self.is_dirty) {
            return;
        }
        let result = self.writer.as_ref().map_or(Ok(()), |(_, file)| file.sync_data());
        if let Err(error) = result
            && !std::mem::replace(&mut self.is_sync_failure_told, true)
        {
            tracing::warn!(%error, "the spool cannot be synchronised: a loss of power may lose spans; said once");
        }
        self.synced = Instant::now();
    }

    fn read(&mut self, base: u64, entry: Entry) -> io::Result<(Vec<u8>, u8)> {
        if self.reader.as_ref().is_none_or(|(open, _)| *open != base) {
            self.reader = Some((base, File::open(self.path(base, "spool"))?));
        }
        let Some((_, file)) = &self.reader else { return Err(io::ErrorKind::NotFound.into()) };
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, entry.offset)?;
        let header = Header::read(&header).filter(|header| header.position == entry.position);
        let header = header.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its header is damaged"))?;
        let mut bytes = vec![0; header.length as usize];
        file.read_exact_at(&mut bytes, entry.offset + HEADER as u64)?;
        if !header.checks(&bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"));
        }
        Ok((bytes, header.encoding))
    }

    pub(super) fn acknowledge(&mut self, base: u64, position: u64) -> io::Result<()> {
        if self.acks.as_ref().is_none_or(|(open, _)| *open != base) {
            self.acks = Some((base, Acks::open(&self.path(base, "acks"))?));
        }
        self.acks.as_mut().map_or(Ok(()), |(_, acks)| acks.add(position))
    }

    /// Deletes a segment, then what is known of it: the other way round its batches would be sent again after a crash.
    pub(super) fn delete(&mut self, base: u64) {
        if let Err(error) = std::fs::remove_file(self.path(base, "spool")) {
            tracing::warn!(%error, segment = base, "a segment of the spool that is done cannot be deleted");
            return;
        }
        let _ = std::fs::remove_file(self.path(base, "acks"));
        self.reader.take_if(|(open, _)| *open == base);
        self.acks.take_if(|(open, _)| *open == base);
        let segment = self.segments.remove(&base).unwrap_or_default();
        self.charged = self.charged.saturating_sub(segment.charge);
    }

    pub(super) fn path(&self, base: u64, extension: &str) -> PathBuf {
        self.settings.directory.join(format!("{base:020}.{extension}"))
    }
}

/// What a record of so many bytes counts as.
pub(super) fn charge(size: u64) -> u64 {
    size.max(CHARGE_MIN)
}

fn refused(error: io::Error) -> Refused {
    tracing::debug!(%error, "the spool takes nothing");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Refused::DiskFull,
        _ => Refused::DiskFailed,
    }
}
