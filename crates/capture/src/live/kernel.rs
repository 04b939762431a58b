//! The kernel program: loaded, told its settings, asked for its counts.
#![allow(unsafe_code, reason = "aya asks for a promise that the shared types are plain data")]

use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;

use aya::maps::{Array, Map, MapData, MapError, PerCpuArray};
use aya::programs::{ProgramError, SchedClassifier, TestRun as _, TestRunOptions};
use aya::{Ebpf, EbpfLoader, Pod};
use flowtrace_abi::{FlowEntry, FlowKey, KernelSettings, Loss, ScanState, Timeouts};

use super::batch::{self, Batches, Position};
use super::{Error, Moment};

/// The program as it was built for this version (see `cargo xtask ebpf`).
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../ebpf/prebuilt/flowtrace.bpf.o");

/// Plain data of the contract, in a form in which aya moves it.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Plain<T: Copy>(T);

// SAFETY: only instantiated with the types of the contract, which are integers without padding.
unsafe impl<T: Copy + 'static> Pod for Plain<T> {}

/// How the kernel program is loaded.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// How many flows the kernel holds.
    pub max_flows: u32,
    /// When a flow is over.
    pub timeouts: Timeouts,
    /// Another object than the built-in one; for those who change it.
    pub object: Option<PathBuf>,
}

/// A hook of the kernel program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Packets that arrive.
    Ingress,
    /// Packets that leave.
    Egress,
}

impl Hook {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];

    /// Name of its program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// What a test run tells the program about a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct SkbContext {
    /// Payload bytes of each packet that a super-packet stands for; 0: it is none.
    pub gso_size: u32,
    /// How many packets it stands for.
    pub gso_segments: u32,
}

/// The loaded kernel program.
pub struct Kernel {
    ebpf: Ebpf,
    flows: MapData,
    losses: PerCpuArray<MapData, [u64; 2]>,
    scan: Array<MapData, Plain<ScanState>>,
    batches: Batches,
    epoch: u16,
}

impl Kernel {
    /// Loads the program; attaches nothing.
    ///
    /// # Errors
    /// Missing permission, or a kernel that cannot do it.
    pub fn load(options: &KernelOptions) -> Result<Self, Error> {
        let other;
        let object = match &options.object {
            None => OBJECT,
            Some(path) => {
                other = fs::read(path).map_err(|source| Error::Object { path: path.display().to_string(), source })?;
                &other
            }
        };
        let settings = Plain(KernelSettings { timeouts: options.timeouts });
        let mut ebpf = EbpfLoader::new()
            .map_max_entries("FLOWS", options.max_flows.max(1))
            .override_global("SETTINGS", &settings, true)
            .load(object)
            .map_err(permission_or)?;
        for hook in Hook::ALL {
            let program = classifier(&mut ebpf, hook)?;
            program.load().map_err(|source| program_error(hook, source))?;
        }
        let flows = take_flows(&mut ebpf)?;
        let losses = take(&mut ebpf, "LOSSES")?;
        let scan = take(&mut ebpf, ".data")?;
        let mut kernel =
            Self { flows, losses: losses.try_into()?, scan: scan.try_into()?, ebpf, batches: Batches::new(), epoch: 0 };
        kernel.next_scan(Moment::now())?;
        Ok(kernel)
    }

    /// One of the two programs.
    ///
    /// # Errors
    /// When the object has none.
    pub fn classifier(&mut self, hook: Hook) -> Result<&mut SchedClassifier, Error> {
        classifier(&mut self.ebpf, hook)
    }

    /// Begins a scan: header values are taken anew, and the clocks are set.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn next_scan(&mut self, now: Moment) -> Result<(), Error> {
        // 0 is no scan: entries begin with it.
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
        let state =
            ScanState { boot_offset: now.boot.wrapping_sub(now.monotonic), epoch: u32::from(self.epoch), reserved: 0 };
        Ok(self.scan.set(0, Plain(state), 0)?)
    }

    /// Reads all entries. `visit` gets each batch with the moment after it was read, and names the entries to delete.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn scan(
        &mut self,
        mut visit: impl FnMut(Moment, &[FlowKey], &[FlowEntry], &mut Vec<FlowKey>),
    ) -> Result<(), Error> {
        self.next_scan(Moment::now())?;
        let mut position = Position::Start;
        let mut gone = Vec::new();
        while position != Position::End {
            let map = self.flows.fd().as_fd();
            let (next, keys, entries) = self.batches.read(map, position).map_err(Error::Batch)?;
            visit(Moment::now(), keys, entries, &mut gone);
            batch::delete(map, &gone).map_err(Error::Batch)?;
            gone.clear();
            position = next;
        }
        Ok(())
    }

    /// Packets and bytes not counted into a flow so far, over all CPUs.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn loss(&self, loss: Loss) -> Result<(u64, u64), Error> {
        let values = self.losses.get(&loss.index(), 0)?;
        Ok(values.iter().fold((0, 0), |sum, [packets, bytes]| (sum.0 + packets, sum.1 + bytes)))
    }

    /// Runs a hook's program on one frame (`BPF_PROG_TEST_RUN`), `repeat` times. Returns what the kernel says a run took,
    /// in nanoseconds, and what the program returned.
    ///
    /// # Errors
    /// When the kernel does not run it, as with frames shorter than an Ethernet header.
    pub fn test_run(
        &mut self,
        hook: Hook,
        frame: &[u8],
        context: SkbContext,
        repeat: u32,
    ) -> Result<(u64, u32), Error> {
        let context = context.encode();
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.ctx_in = Some(&context);
        options.repeat = repeat;
        let program = classifier(&mut self.ebpf, hook)?;
        let result = program.test_run(options).map_err(|source| program_error(hook, source))?;
        Ok((result.duration.as_nanos() as u64, result.return_value))
    }
}

impl SkbContext {
    /// As `struct __sk_buff` (include/uapi/linux/bpf.h); all other fields must be zero.
    fn encode(self) -> [u8; 192] {
        const GSO_SEGMENTS: usize = 164;
        const GSO_SIZE: usize = 176;
        let mut bytes = [0; 192];
        bytes[GSO_SEGMENTS..GSO_SEGMENTS + 4].copy_from_slice(&self.gso_segments.to_ne_bytes());
        bytes[GSO_SIZE..GSO_SIZE + 4].copy_from_slice(&self.gso_size.to_ne_bytes());
        bytes
    }
}

fn classifier(ebpf: &mut Ebpf, hook: Hook) -> Result<&mut SchedClassifier, Error> {
    ebpf.program_mut(hook.name()).and_then(|program| program.try_into().ok()).ok_or(Error::Contract(hook.name()))
}

fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, Error> {
    ebpf.take_map(name).ok_or(Error::Contract(name))
}

/// The map of flows, whose entries are read by system calls of our own: so their sizes are checked here.
fn take_flows(ebpf: &mut Ebpf) -> Result<MapData, Error> {
    const NAME: &str = "FLOWS";
    let Map::HashMap(flows) = take(ebpf, NAME)? else { return Err(Error::Contract(NAME)) };
    let info = flows.info()?;
    let fits = info.key_size() as usize == size_of::<FlowKey>() && info.value_size() as usize == size_of::<FlowEntry>();
    if fits { Ok(flows) } else { Err(Error::Contract(NAME)) }
}

fn permission_or(error: aya::EbpfError) -> Error {
    match &error {
        aya::EbpfError::MapError(MapError::CreateError { io_error, .. }) if is_permission(io_error) => {
            Error::Permission
        }
        aya::EbpfError::BtfError(_) if !rustix::process::geteuid().is_root() => Error::Permission,
        _ => Error::Load(error),
    }
}

fn program_error(hook: Hook, source: ProgramError) -> Error {
    match &source {
        ProgramError::LoadError { io_error, .. }
            if is_permission(io_error) && !rustix::process::geteuid().is_root() =>
        {
            Error::Permission
        }
        _ => Error::Program { program: hook.name(), source },
    }
}

fn is_permission(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::PermissionDenied
}
