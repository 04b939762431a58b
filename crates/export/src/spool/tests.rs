//! The spool as a whole: restarts, crashes, damage and bounds.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::store::Place;
use super::*;

const KIB: u64 = 1 << 10;

fn settings(directory: &Path, size: u64) -> SpoolSettings {
    SpoolSettings { size, sync: Sync::Interval(Duration::from_secs(3600)), ..SpoolSettings::new(directory.to_owned()) }
}

fn open(directory: &Path, size: u64) -> (Spool, Found) {
    Spool::open(settings(directory, size)).unwrap()
}

/// A batch that tells its number and its spans.
fn batch(number: u64, spans: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(spans as usize * 4)
}

fn number(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(*bytes.first_chunk().unwrap());
    assert_eq!(bytes, batch(number, bytes.len() as u64 / 32), "never damaged");
    number
}

fn take(spool: &mut Spool) -> Option<(u64, Place)> {
    match spool.next()? {
        Next::Batch { place, bytes, encoding } => {
            assert_eq!(encoding, PROTOBUF);
            Some((number(&bytes), place))
        }
        Next::Damaged(spans) => panic!("{spans} spans are damaged"),
    }
}

fn take_all(spool: &mut Spool) -> Vec<u64> {
    std::iter::from_fn(|| take(spool)).map(|(number, _)| number).collect()
}

/// Files with this extension, in order.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
}

#[test]
fn what_is_not_done_comes_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, found) = open(folder.path(), 1 << 20);
    assert_eq!(found, Found::default());
    for number in 0..10 {
        spool.append(&batch(number, number + 1), number + 1, PROTOBUF).unwrap();
    }
    let mut places: Vec<_> = (0..4).map(|_| take(&mut spool).unwrap().1).collect();
    spool.done(places.swap_remove(1));
    spool.done(places.remove(0));
    assert_eq!((spool.waiting(), spool.unfinished), (45, 52));
    assert_eq!(spool.close(), 52);
    let (mut spool, found) = open(folder.path(), 1 << 20);
    assert_eq!(found, Found { recovered: 52, ..Found::default() });
    assert_eq!(take_all(&mut spool), [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn nothing_is_left_of_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 64 * KIB);
    for round in 0..100 {
        for number in 0..5 {
            spool.append(&batch(round * 5 + number, 100), 100, PROTOBUF).unwrap();
        }
        while let Some((_, place)) = take(&mut spool) {
            spool.done(place);
        }
        assert!(files(folder.path(), "spool").len() <= 2 && files(folder.path(), "acks").len() <= 2);
    }
    assert_eq!(spool.close(), 0);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn the_size_is_a_bound_and_the_newest_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 64 * KIB);
    let mut written = 0;
    while spool.append(&batch(written, 100), 100, PROTOBUF).is_ok() {
        written += 1;
    }
    assert_eq!(written, 20, "of 3,232 bytes each");
    let on_disk: u64 = files(folder.path(), "spool").iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(on_disk <= 64 * KIB && on_disk > 60 * KIB, "{on_disk}");
    assert_eq!(spool.append(&batch(99, 100), 100, PROTOBUF), Err(Refused::Full));
    // A segment holds three batches: room comes when all three are done.
    for _ in 0..3 {
        assert_eq!(spool.append(&batch(99, 100), 100, PROTOBUF), Err(Refused::Full));
        let (_, place) = take(&mut spool).unwrap();
        spool.done(place);
    }
    for number in 20..22 {
        spool.append(&batch(number, 100), 100, PROTOBUF).unwrap();
    }
    drop(spool);
    let (mut spool, found) = open(folder.path(), 64 * KIB);
    assert_eq!(found.recovered, 1900);
    assert_eq!(take_all(&mut spool), (3..22).collect::<Vec<_>>());
    assert_eq!(spool.append(&batch(0, 1), 0, PROTOBUF), Err(Refused::Full), "nothing is no batch");
    assert_eq!(spool.append(&[0; 100 << 10], 1, PROTOBUF), Err(Refused::Full), "larger than all of it");
}

#[test]
fn small_batches_count_as_a_kibibyte() {
    let folder = tempfile::tempdir().unwrap();
    for found in [0, 63] {
        let (mut spool, recovered) = open(folder.path(), 64 * KIB);
        assert_eq!(recovered.recovered, found);
        let written = (0..).take_while(|_| spool.append(b"12345678", 1, PROTOBUF).is_ok()).count();
        assert_eq!(written as u64, 63 - found);
    }
}

#[test]
fn room_is_found_in_the_last_segment_when_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 8 * KIB);
    for number in 0..20 {
        spool.append(&batch(number, 200), 200, PROTOBUF).unwrap();
        let (taken, place) = take(&mut spool).unwrap();
        assert_eq!(taken, number);
        spool.done(place);
    }
}

#[test]
fn a_batch_that_is_being_sent_is_not_sent_twice_but_comes_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1 << 20);
    let first = spool.append_taken(&batch(0, 3), 3, PROTOBUF).unwrap();
    let second = spool.append_taken(&batch(1, 4), 4, PROTOBUF).unwrap();
    spool.append(&batch(2, 5), 5, PROTOBUF).unwrap();
    assert_eq!(spool.waiting(), 5);
    assert_eq!(take_all(&mut spool), [2]);
    spool.done(second);
    drop((spool, first));
    let (mut spool, found) = open(folder.path(), 1 << 20);
    assert_eq!(found.recovered, 8);
    assert_eq!(take_all(&mut spool), [0, 2]);
}

#[test]
fn the_heartbeat_of_a_killed_process_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1 << 20);
    spool.append(&batch(0, 3), 3, PROTOBUF).unwrap();
    spool.beat(7);
    drop(spool);
    let (spool, found) = open(folder.path(), 1 << 20);
    assert_eq!(found, Found { recovered: 3, killed: 7, ..Found::default() });
    drop(spool);
    let (mut spool, found) = open(folder.path(), 1 << 20);
    assert_eq!(found, Found { recovered: 3, ..Found::default() });
    spool.beat(9);
    spool.close();
    assert_eq!(open(folder.path(), 1 << 20).1.killed, 0, "a regular end");
}

#[test]
fn what_was_written_after_the_last_heartbeat_is_not_counted_as_killed_too() {
    // Spans before the heartbeat (so that there is a segment, or none), after it, and how many of the ten that the
    // heartbeat has in memory are lost when the last record is there as a whole, and in part.
    for (before, after, whole, torn) in [(0, 4, 6, 10), (3, 4, 6, 10), (0, 10, 0, 10), (3, 12, 0, 10)] {
        for cut in [0, 1, 32 * after as usize, 32 * after as usize + 1] {
            let folder = tempfile::tempdir().unwrap();
            let (mut spool, _) = open(folder.path(), 1 << 20);
            if before > 0 {
                spool.append(&batch(0, before), before, PROTOBUF).unwrap();
            }
            spool.beat(10);
            spool.append(&batch(1, after), after, PROTOBUF).unwrap();
            drop(spool);
            let path = files(folder.path(), "spool").remove(0);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
            let (recovered, killed) = if cut == 0 { (before + after, whole) } else { (before, torn) };
            let found = Found { torn_bytes: 0, ..open(folder.path(), 1 << 20).1 };
            assert_eq!(found, Found { recovered, killed, ..Found::default() }, "{before} {after} {cut}");
        }
    }
}

/// The limit of a process on the size of files stands for a disk that is full in the middle of a batch.
#[test]
fn a_batch_that_could_be_written_in_part_only_is_cut_off_at_once() {
    // In blocks of 512 or 1024 bytes; without the signal, writing fails.
    const SCRIPT: &str = r#"trap "" XFSZ && ulimit -f 64 && exec "$@""#;
    let folder = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    let name = "spool::tests::within_a_limit";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", SCRIPT, "sh"]).arg(exe).args(["--exact", name]).env("SPOOL_WITHIN", folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(folder.path().join("passed").exists(), "{name} ran");
}

/// What the test above runs in a process of its own.
#[test]
fn within_a_limit() {
    let Some(folder) = std::env::var_os("SPOOL_WITHIN").map(PathBuf::from) else { return };
    let (mut spool, _) = open(&folder.join("spool"), 100 << 20);
    let length = || fs::metadata(&files(&folder.join("spool"), "spool")[0]).unwrap().len();
    let mut written = Vec::new();
    // 3200 bytes each: the limit is in the middle of one.
    let refused = loop {
        match spool.append(&batch(written.len() as u64, 100), 100, PROTOBUF) {
            Ok(()) => written.push((written.len() as u64, length())),
            Err(refused) => break refused,
        }
    };
    let whole = written.last().unwrap().1;
    assert_eq!((refused, length()), (Refused::DiskFull, whole));
    // A smaller one still fits, behind the last that is whole, and nothing is damaged.
    let next = written.len() as u64;
    spool.append(&batch(next, 1), 1, PROTOBUF).unwrap();
    assert_eq!(length(), whole + 32 + record::HEADER as u64);
    drop(spool);
    let (mut spool, found) = open(&folder.join("spool"), 100 << 20);
    assert_eq!(found, Found { recovered: 100 * next + 1, ..Found::default() });
    assert_eq!(take_all(&mut spool), (0..=next).collect::<Vec<_>>());
    fs::write(folder.join("passed"), "").unwrap();
}

#[test]
fn a_torn_tail_is_cut_off_and_counted_with_and_without_a_heartbeat() {
    for with_heartbeat in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(folder.path(), 1 << 20);
        for number in 0..3 {
            spool.append(&batch(number, 10), 10, PROTOBUF).unwrap();
        }
        spool.beat(0);
        drop(spool);
        let path = files(folder.path(), "spool").remove(0);
        let whole = fs::read(&path).unwrap();
        for length in [whole.len() - 1, whole.len() - 320, whole.len() - 321, whole.len() - 352] {
            fs::write(&path, &whole[..length]).unwrap();
            if !with_heartbeat {
                let _ = fs::remove_file(folder.path().join("heartbeat"));
            }
            let before = fs::read(folder.path().join("heartbeat")).unwrap_or_default();
            let (spool, found) = open(folder.path(), 1 << 20);
            let is_known = with_heartbeat || length >= whole.len() - 320;
            assert_eq!((found.recovered, found.damaged), (20, if is_known { 10 } else { 0 }), "{length}");
            assert_eq!(found.torn_bytes, (length + 352 - whole.len()) as u64);
            drop(spool);
            let (mut spool, found) = open(folder.path(), 1 << 20);
            assert_eq!(found, Found { recovered: 20, ..Found::default() }, "counted once");
            assert_eq!(take_all(&mut spool), [0, 1]);
            fs::write(folder.path().join("heartbeat"), before).unwrap();
        }
    }
}

#[test]
fn damage_at_any_byte_costs_one_batch_and_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1 << 20);
    for number in 0..3 {
        spool.append(&batch(number, 2), 2, PROTOBUF).unwrap();
    }
    spool.beat(0);
    drop(spool);
    let path = files(folder.path(), "spool").remove(0);
    let whole = fs::read(&path).unwrap();
    let heartbeat = fs::read(folder.path().join("heartbeat")).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        fs::write(folder.path().join("heartbeat"), &heartbeat).unwrap();
        let (spool, found) = open(folder.path(), 1 << 20);
        let lost = if place < 16 { 0 } else { 2 };
        assert_eq!((found.recovered, found.damaged), (6 - lost, lost), "byte {place}");
        drop(spool);
        let (mut spool, found) = open(folder.path(), 1 << 20);
        assert_eq!(found, Found { recovered: 6 - lost, ..Found::default() }, "byte {place}, again");
        let numbers = take_all(&mut spool);
        assert!(numbers.is_sorted() && numbers.len() as u64 == (6 - lost) / 2, "{numbers:?}");
        drop(spool);
        let _ = fs::remove_file(path.with_extension("acks"));
    }
}

#[test]
fn damage_while_it_runs_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1 << 20);
    for number in 0..3 {
        spool.append(&batch(number, 2), 2, PROTOBUF).unwrap();
    }
    let path = files(folder.path(), "spool").remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[150] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(take(&mut spool).unwrap().0, 0);
    assert!(matches!(spool.next(), Some(Next::Damaged(2))));
    assert_eq!(take(&mut spool).unwrap().0, 2);
    assert_eq!((spool.waiting(), spool.unfinished), (0, 4));
}

#[test]
fn foreign_files_stay_and_orphans_go() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name);
    for file in ["notes.txt", "1.spool", "99999999999999999999.spool", "09223372036854775807.spool", "lock"] {
        fs::write(name(file), "mine").unwrap();
    }
    fs::write(name("00000000000000000007.acks"), "orphan").unwrap();
    fs::write(name("00000000000000000008.spool"), "rubbish").unwrap();
    fs::write(name("00000000000000000009.spool"), "").unwrap();
    let (spool, found) = open(folder.path(), 1 << 20);
    assert_eq!(found, Found { torn_bytes: 7, ..Found::default() });
    spool.close();
    let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["09223372036854775807.spool", "1.spool", "99999999999999999999.spool", "lock", "notes.txt"]);
}

#[test]
fn a_later_format_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("00000000000000000000.spool");
    let mut bytes = b"FTSPOOL\0\x02\0\0\0".to_vec();
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = Spool::open(settings(folder.path(), 1 << 20)).unwrap_err().to_string();
    assert!(error.contains("00000000000000000000.spool is of format 2; this program reads format 1"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// What happens to a spool.
#[derive(Clone, Debug)]
enum Step {
    /// A batch of so many spans is appended.
    Append(u64),
    /// One is appended that is being sent.
    AppendTaken(u64),
    /// The oldest is taken.
    Take,
    /// One of those taken is done: this, modulo their number.
    Done(usize),
    /// The process is killed and started again; a record that was being written is there in part.
    Kill(usize),
    /// The process ends regularly and starts again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..60u64).prop_map(Step::Append),
        1 => (1..60u64).prop_map(Step::AppendTaken),
        5 => Just(Step::Take),
        4 => any::<usize>().prop_map(Step::Done),
        1 => (0..100usize).prop_map(Step::Kill),
        1 => Just(Step::Restart),
    ]
}

/// What is in the spool, as it should be.
#[derive(Default)]
struct Model {
    next: u64,
    /// Number and spans, not done, in the order of appending.
    waiting: VecDeque<(u64, u64)>,
    taken: Vec<(u64, u64, Place)>,
}

impl Model {
    fn spans(&self) -> u64 {
        let waiting: u64 = self.waiting.iter().map(|(_, spans)| spans).sum();
        waiting + self.taken.iter().map(|(_, spans, _)| spans).sum::<u64>()
    }

    fn append(&mut self, spool: &mut Spool, spans: u64, is_taken: bool) {
        let number = self.next;
        let bytes = batch(number, spans);
        let before = spool.unfinished;
        let result = if is_taken {
            let place = spool.append_taken(&bytes, spans, PROTOBUF);
            place.map(|place| self.taken.push((number, spans, place)))
        } else {
            let result = spool.append(&bytes, spans, PROTOBUF);
            result.map(|()| self.waiting.push_back((number, spans)))
        };
        match result {
            Ok(()) => self.next += 1,
            Err(refused) => assert_eq!((refused, spool.unfinished), (Refused::Full, before)),
        }
    }

    fn step(&mut self, spool: &mut Spool, step: &Step) {
        match *step {
            Step::Append(spans) => self.append(spool, spans, false),
            Step::AppendTaken(spans) => self.append(spool, spans, true),
            Step::Take => {
                let expected = self.waiting.pop_front();
                let taken = take(spool);
                assert_eq!(taken.as_ref().map(|(number, _)| *number), expected.map(|(number, _)| number));
                self.taken.extend(taken.zip(expected).map(|((number, place), (_, spans))| (number, spans, place)));
            }
            Step::Done(which) if !self.taken.is_empty() => {
                let (_, _, place) = self.taken.swap_remove(which % self.taken.len());
                spool.done(place);
            }
            Step::Done(_) | Step::Kill(_) | Step::Restart => {}
        }
        assert_eq!(spool.unfinished, self.spans());
        assert!(spool.charged <= spool.settings.size);
    }

    /// What was taken and not done waits again.
    fn restarted(&mut self) {
        let taken = self.taken.drain(..).map(|(number, spans, _)| (number, spans));
        self.waiting.extend(taken);
        self.waiting.make_contiguous().sort_unstable();
    }
}

/// Leaves at the end of a segment what a process leaves that is killed while it writes.
fn tear(segment: Option<PathBuf>, position: u64, bytes: usize) {
    let record = record::Header::of(&[7; 60], 60, 5, PROTOBUF, position).bytes();
    let record = [&record[..], &[7; 60]].concat();
    if let Some(path) = segment {
        let whole = [fs::read(&path).unwrap(), record[..bytes.min(91)].to_vec()].concat();
        fs::write(path, whole).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_all_that_is_not_done_comes_out_in_order(steps in prop::collection::vec(step(), 0..120)) {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let mut spool = open(folder.path(), 32 * KIB).0;
        for step in &steps {
            model.step(&mut spool, step);
            let found = match *step {
                Step::Kill(bytes) => {
                    spool.beat(13);
                    let position = spool.position;
                    let written = spool.writer.as_ref().map(|(base, _)| spool.path(*base, "spool"));
                    drop(spool);
                    tear(written, position, bytes);
                    Found { killed: 13, ..Found::default() }
                }
                Step::Restart => {
                    prop_assert_eq!(spool.close(), model.spans());
                    Found::default()
                }
                _ => continue,
            };
            let (opened, after) = open(folder.path(), 32 * KIB);
            spool = opened;
            model.restarted();
            prop_assert_eq!(Found { torn_bytes: 0, ..after }, Found { recovered: model.spans(), ..found });
        }
        drop(spool);
        model.restarted();
        let expected: Vec<_> = model.waiting.iter().map(|(number, _)| *number).collect();
        prop_assert_eq!(take_all(&mut open(folder.path(), 32 * KIB).0), expected);
    }
}
