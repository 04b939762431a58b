//! Loads objects into this kernel, which verifies them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aya::programs::{Program, ProgramError, ProgramInfo};
use aya::{Btf, Ebpf, EbpfLoader};

use super::Object;

/// What the kernel says about a program that it accepted.
pub struct Verified {
    /// Name of the program.
    pub name: String,
    /// Instructions after the verifier rewrote the program.
    pub instructions: u32,
    /// Instructions that the verifier looked at, over all paths.
    pub verified: u32,
    /// How long that took (with the JIT).
    pub time: Duration,
}

/// Loads the programs of an object, all of them or those of the given names.
pub fn load(loader: &mut EbpfLoader<'_>, bytes: &[u8], names: &[&str]) -> Result<(Ebpf, Vec<Verified>)> {
    let mut ebpf = loader.load(bytes).context("loading the object's maps")?;
    let mut all = Vec::new();
    for (name, program) in ebpf.programs_mut() {
        if names.is_empty() || names.contains(&name) {
            all.push(load_one(name, program)?);
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((ebpf, all))
}

fn load_one(name: &str, program: &mut Program) -> Result<Verified> {
    let begin = Instant::now();
    let loaded = match program {
        Program::SchedClassifier(program) => program.load(),
        Program::SockOps(program) => program.load(),
        Program::CgroupSock(program) => program.load(),
        Program::CgroupSockAddr(program) => program.load(),
        // These are named as the tracepoint.
        Program::BtfTracePoint(program) => program.load(name, &Btf::from_sys_fs()?),
        _ => Err(ProgramError::UnexpectedProgramType),
    };
    loaded.with_context(|| format!("the kernel refuses program {name}"))?;
    let time = begin.elapsed();
    let info: ProgramInfo = program.info()?;
    Ok(Verified {
        name: name.to_owned(),
        instructions: info.size_translated().unwrap_or(0) / 8,
        verified: info.verified_instruction_count().unwrap_or(0),
        time,
    })
}

/// Whether this user may load programs.
pub fn is_permitted() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Loads all objects and says what came of it, a line each.
pub fn verify(objects: &[Object]) -> Result<Vec<String>> {
    if !is_permitted() {
        return Ok(vec!["Not loaded into this kernel: that needs root.".to_owned()]);
    }
    let mut lines = Vec::new();
    for object in objects {
        let (_, programs) = load(&mut EbpfLoader::new(), &object.bytes, &[]).with_context(|| object.name.clone())?;
        for Verified { name, instructions, verified, time } in programs {
            let time = time.as_secs_f64() * 1e3;
            let object = &object.name;
            lines.push(format!(
                "{object} {name}: {instructions} instructions, {verified} verified, loads in {time:.1} ms"
            ));
        }
    }
    Ok(lines)
}
