//! Reading and deleting many map entries with one system call (`BPF_MAP_LOOKUP_BATCH`, `BPF_MAP_DELETE_BATCH`, Linux
//! 5.6), for which aya has no calls.
#![allow(unsafe_code, reason = "the bpf system call takes pointers")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use flowtrace_abi::{FlowEntry, FlowKey};

/// `BPF_MAP_LOOKUP_BATCH` of `enum bpf_cmd`.
const LOOKUP: libc::c_long = 24;
/// `BPF_MAP_DELETE_BATCH` of `enum bpf_cmd`.
const DELETE: libc::c_long = 27;
/// How many entries a call reads at first: some 700 KiB, and more than a hash bucket holds.
const ENTRIES: usize = 4096;
/// More than this a bucket cannot hold in reason.
const MOST_ENTRIES: usize = 1 << 20;

/// The member `batch` of `union bpf_attr` (include/uapi/linux/bpf.h).
#[repr(C)]
#[derive(Default)]
struct Attributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    element_flags: u64,
    flags: u64,
}

/// A walk through the map of flows, with room for one batch.
pub struct Batches {
    keys: Vec<FlowKey>,
    values: Vec<FlowEntry>,
}

/// Where a walk has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Nothing was read yet.
    Start,
    /// The kernel's word for the next bucket.
    Bucket(u32),
    /// All was read.
    End,
}

impl Batches {
    /// Room for a batch.
    pub fn new() -> Self {
        Self { keys: vec![FlowKey::default(); ENTRIES], values: vec![FlowEntry::default(); ENTRIES] }
    }

    /// Reads the next batch: the position behind it, and its entries.
    pub fn read(&mut self, map: BorrowedFd<'_>, from: Position) -> io::Result<(Position, &[FlowKey], &[FlowEntry])> {
        let (next, count) = loop {
            match self.lookup(map, from) {
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && self.keys.len() < MOST_ENTRIES => {
                    self.grow();
                }
                result => break result?,
            }
        };
        Ok((next, &self.keys[..count], &self.values[..count]))
    }

    fn lookup(&mut self, map: BorrowedFd<'_>, from: Position) -> io::Result<(Position, usize)> {
        let mut next = 0u32;
        let mut bucket = match from {
            Position::Start => 0,
            Position::Bucket(at) => at,
            Position::End => return Ok((Position::End, 0)),
        };
        let mut attributes = Attributes {
            out_batch: &raw mut next as u64,
            keys: self.keys.as_mut_ptr() as u64,
            values: self.values.as_mut_ptr() as u64,
            count: self.keys.len() as u32,
            map_fd: map.as_raw_fd() as u32,
            ..Attributes::default()
        };
        if from != Position::Start {
            attributes.in_batch = &raw mut bucket as u64;
        }
        // SAFETY: the buffers hold `count` keys and values of the map's sizes (asserted by the contract and checked
        // when the map was opened), and all pointers outlive the call.
        let result = unsafe { call(LOOKUP, &mut attributes) };
        let count = (attributes.count as usize).min(self.keys.len());
        match result {
            Ok(()) => Ok((Position::Bucket(next), count)),
            // The last batch: what there was left is there.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok((Position::End, count)),
            Err(error) => Err(error),
        }
    }

    fn grow(&mut self) {
        let entries = self.keys.len() * 2;
        self.keys.resize(entries, FlowKey::default());
        self.values.resize(entries, FlowEntry::default());
    }
}

/// Deletes entries. One that is gone already is passed over.
pub fn delete(map: BorrowedFd<'_>, keys: &[FlowKey]) -> io::Result<()> {
    let mut rest = keys;
    while !rest.is_empty() {
        let mut attributes = Attributes {
            keys: rest.as_ptr() as u64,
            count: rest.len() as u32,
            map_fd: map.as_raw_fd() as u32,
            ..Attributes::default()
        };
        // SAFETY: the buffer holds `count` keys of the map's size and outlives the call, which only reads it.
        match unsafe { call(DELETE, &mut attributes) } {
            Ok(()) => return Ok(()),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                rest = rest.get(attributes.count as usize + 1..).unwrap_or(&[]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// # Safety
/// The pointers in `attributes` must be valid for what `command` does with them.
unsafe fn call(command: libc::c_long, attributes: &mut Attributes) -> io::Result<()> {
    // SAFETY: the caller vouches for the pointers; size and address are those of `attributes`.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size_of::<Attributes>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until no CPU runs a program that began before the call (`MEMBARRIER_CMD_GLOBAL` is `synchronize_rcu`).
pub fn wait_for_running_programs() {
    /// `MEMBARRIER_CMD_GLOBAL` of `enum membarrier_cmd`.
    const GLOBAL: libc::c_int = 1;
    // SAFETY: the call takes three integers and touches no memory.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0, 0) };
    if result < 0 {
        // No such call on this kernel: programs run for microseconds, so this is long enough.
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
