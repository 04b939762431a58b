//! A program under test and the map it counts in.

use std::path::Path;

use anyhow::{Context, Result};
use aya::maps::{HashMap, MapData, MapError};
use aya::programs::{ProgramFd, SchedClassifier};
use aya::{Ebpf, EbpfLoader, Pod};

use crate::ebpf::load::{self, Verified};

/// Flows that the maps of all programs take: what the floor programs were written with.
const FLOWS: u32 = 1 << 17;

/// A program under test.
pub struct Subject {
    pub name: String,
    pub program: ProgramFd,
    /// It parses IPv4 only and is given IPv4 frames in every scenario.
    pub only_v4: bool,
    map: Option<Flows>,
}

/// Maps by the sizes of their keys and values.
enum Flows {
    Ours(HashMap<MapData, [u8; 48], [u8; 320]>),
    /// Ours before contract version 3.
    Ours128(HashMap<MapData, [u8; 48], [u8; 128]>),
    Wide(HashMap<MapData, [u8; 40], [u8; 32]>),
    Narrow(HashMap<MapData, [u8; 16], [u8; 32]>),
}

impl Subject {
    /// The program that does nothing.
    pub fn empty(program: ProgramFd) -> Self {
        Self { name: "empty".to_owned(), program, only_v4: false, map: None }
    }

    /// Ours, or an older state of it, with all that the kernel says about it. `program`: the one to measure.
    pub fn flowtrace(name: &str, object: &Path, program: &str) -> Result<(Self, Vec<Verified>)> {
        let bytes = std::fs::read(object).with_context(|| format!("reading {}", object.display()))?;
        let (mut ebpf, verified) = load::load(EbpfLoader::new().map_max_entries("FLOWS", FLOWS), &bytes, &[])?;
        let flows = ebpf.take_map("FLOWS").context("the object has no FLOWS")?;
        let is_old = matches!(&flows, aya::maps::Map::HashMap(data) if data.info()?.value_size() == 128);
        let map =
            if is_old { Flows::Ours128(HashMap::try_from(flows)?) } else { Flows::Ours(HashMap::try_from(flows)?) };
        let program = descriptor(&ebpf, program)?;
        Ok((Self { name: name.to_owned(), program, only_v4: false, map: Some(map) }, verified))
    }

    /// The floors: nothing, a 16-byte key with the clock, a 40-byte key with the clock.
    pub fn floors(object: &Path) -> Result<Vec<Self>> {
        let bytes = std::fs::read(object).with_context(|| format!("reading {}", object.display()))?;
        let mut loader = EbpfLoader::new();
        for unused in ["h16np", "h40l", "p16", "p40", "l40", "lp40"] {
            loader.map_max_entries(unused, 1);
        }
        loader.map_max_entries("h16", FLOWS).map_max_entries("h40", FLOWS);
        let (mut ebpf, _) = load::load(&mut loader, &bytes, &["f_empty", "f_h16_ts", "f_h40_ts"])?;
        let narrow = HashMap::try_from(ebpf.take_map("h16").context("the floor has no h16")?)?;
        let wide = HashMap::try_from(ebpf.take_map("h40").context("the floor has no h40")?)?;
        let maps =
            [("f_empty", None), ("f_h16_ts", Some(Flows::Narrow(narrow))), ("f_h40_ts", Some(Flows::Wide(wide)))];
        let floor = |(name, map): (&str, _)| -> Result<Self> {
            Ok(Self { name: name.to_owned(), program: descriptor(&ebpf, name)?, only_v4: true, map })
        };
        maps.into_iter().map(floor).collect()
    }

    /// Whether it counts into a map, which takes packets to fill.
    pub const fn has_flows(&self) -> bool {
        self.map.is_some()
    }

    /// Forgets all flows and answers how many there were; none where the program has no map.
    pub fn clear(&mut self) -> Result<Option<usize>> {
        match &mut self.map {
            None => Ok(None),
            Some(Flows::Ours(map)) => clear(map).map(Some),
            Some(Flows::Ours128(map)) => clear(map).map(Some),
            Some(Flows::Wide(map)) => clear(map).map(Some),
            Some(Flows::Narrow(map)) => clear(map).map(Some),
        }
    }
}

/// The program lives as long as this does, whatever becomes of the object it came with.
fn descriptor(ebpf: &Ebpf, name: &str) -> Result<ProgramFd> {
    let program: &SchedClassifier =
        ebpf.program(name).with_context(|| format!("the object has no program {name}"))?.try_into()?;
    Ok(program.fd()?.try_clone()?)
}

fn clear<K: Pod, V: Pod>(map: &mut HashMap<MapData, K, V>) -> Result<usize> {
    let keys = map.keys().collect::<Result<Vec<K>, MapError>>()?;
    for key in &keys {
        map.remove(key)?;
    }
    Ok(keys.len())
}
