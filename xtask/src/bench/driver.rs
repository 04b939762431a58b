//! The program that makes many packets of one frame and hands each to the program under test
//! (crates/ebpf/src/bin/driver.rs).

use std::fs;

use anyhow::{Context, Result, bail};
use aya::maps::{Array, MapData, ProgramArray};
use aya::programs::{ProgramFd, SchedClassifier, TestRun as _, TestRunOptions};
use aya::{Ebpf, EbpfLoader};

use super::frame::Content;
use super::scenario::Scenario;
use super::subject::Subject;
use crate::ebpf::{load, prebuilt};

/// What a program of ours answers: TC_ACT_UNSPEC. The driver answers something else when it fails.
const UNSPEC: u32 = u32::MAX;

/// Packets in one go.
const PORTION: u32 = 2_000;

/// The driver's orders, in the kernel's layout: next flow, flows, TCP sequence and its step, acknowledgement and its step.
type Plan = [u32; 6];

/// The loaded driver.
pub struct Driver {
    ebpf: Ebpf,
    plan: Array<MapData, Plan>,
    programs: ProgramArray<MapData>,
}

impl Driver {
    /// Loads the committed driver.
    pub fn load() -> Result<Self> {
        let path = prebuilt().join("driver.bpf.o");
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let (mut ebpf, _) = load::load(&mut EbpfLoader::new(), &bytes, &[])?;
        let plan = Array::try_from(ebpf.take_map("PLAN").context("the driver has no PLAN")?)?;
        let programs = ProgramArray::try_from(ebpf.take_map("PROGRAMS").context("the driver has no PROGRAMS")?)?;
        Ok(Self { ebpf, plan, programs })
    }

    /// The file descriptor of the program that does nothing.
    pub fn empty(&self) -> Result<ProgramFd> {
        Ok(self.program("empty")?.fd()?.try_clone()?)
    }

    /// Nanoseconds per call of the program that does nothing, without the driver.
    pub fn time_empty(&self, frame: &[u8], packets: u32) -> Result<f64> {
        time(self.program("empty")?, frame, packets)
    }

    /// Nanoseconds per packet of the driver and the program it calls.
    pub fn time(&mut self, subject: &Subject, frame: &[u8], scenario: &Scenario) -> Result<f64> {
        let Scenario { content, flows, .. } = *scenario;
        self.programs.set(0, &subject.program, 0)?;
        let (sequence_step, acknowledgement_step) = match content {
            Content::TcpAck => (0, 1_448),
            _ => (10, 1),
        };
        self.plan.set(0, [0, flows.count(), 1_000, sequence_step, 2_000, acknowledgement_step], 0)?;
        let drive = self.program("drive")?;
        if subject.has_flows() {
            time(drive, frame, flows.warm_up())?;
        }
        time(drive, frame, flows.packets())
    }

    fn program(&self, name: &str) -> Result<&SchedClassifier> {
        let program = self.ebpf.program(name).with_context(|| format!("the driver has no program {name}"))?;
        Ok(program.try_into()?)
    }
}

/// By the kernel's clock, which stands still while others have the CPU. It tells whole nanoseconds per packet, rounded
/// down: so half of one is added, and the packets are sent in portions of which the middle half counts.
fn time(program: &SchedClassifier, frame: &[u8], packets: u32) -> Result<f64> {
    let mut portions = Vec::new();
    for _ in 0..packets / PORTION {
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.repeat = PORTION;
        let result = program.test_run(options)?;
        if result.return_value != UNSPEC {
            bail!("the program answers {} where \"unspecified\" was expected", result.return_value);
        }
        portions.push(result.duration.as_nanos() as f64 + 0.5);
    }
    Ok(middle(portions))
}

/// The mean of the middle half.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let quarter = values.len() / 4;
    let half = &values[quarter..values.len() - quarter];
    half.iter().sum::<f64>() / half.len() as f64
}

#[cfg(test)]
mod tests {
    use super::middle;

    #[test]
    fn outliers_do_not_count() {
        assert_eq!(middle(vec![900.0, 2.0, 4.0, 0.0]), 3.0);
        assert_eq!(middle(vec![5.0]), 5.0);
    }
}
