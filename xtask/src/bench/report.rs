//! The figures of a run, as a table and as JSON.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::machine;
use super::spread::Spread;
use crate::ebpf::load::Verified;

/// What ratios are taken to: the first of these that was measured, an older state or the floor.
const REFERENCES: [&str; 2] = [BEFORE, "f_h40_ts"];
/// Name of an older state of our program.
pub const BEFORE: &str = "before";

/// Everything that was measured.
pub struct Report {
    /// Programs under test, in the order of the figures; the last is ours.
    programs: Vec<String>,
    verified: Vec<Verified>,
    /// A row for each scenario.
    pub rows: Vec<Row>,
}

/// A scenario's figures.
pub struct Row {
    name: &'static str,
    /// For each round: ns per packet of each program.
    pub rounds: Vec<Vec<f64>>,
}

impl Row {
    /// Without figures yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, rounds: Vec::new() }
    }

    fn nanoseconds(&self, program: usize) -> Spread {
        Spread::of(self.rounds.iter().map(|round| round[program]))
    }

    /// Of ours to the reference, round by round.
    fn ratio(&self, ours: usize, reference: usize) -> Spread {
        Spread::of(self.rounds.iter().map(|round| round[ours] / round[reference]))
    }
}

impl Report {
    /// Without figures yet.
    pub fn new(programs: Vec<String>, verified: Vec<Verified>, rows: Vec<Row>) -> Self {
        Self { programs, verified, rows }
    }

    fn reference(&self) -> Option<usize> {
        REFERENCES.iter().find_map(|reference| self.programs.iter().position(|name| name == reference))
    }

    fn ours(&self) -> usize {
        self.programs.len() - 1
    }

    fn rounds(&self) -> usize {
        self.rows.first().map_or(0, |row| row.rounds.len())
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "Linux {}, {}; ns per packet, medians of {} rounds\n\n",
            machine::kernel(),
            machine::cpu(),
            self.rounds()
        );
        let ratio = self
            .reference()
            .map_or_else(String::new, |place| format!("ratio to {}: min / median / max", self.programs[place]));
        let mut lines = vec![self.line("", self.programs.iter().cloned(), &ratio)];
        for row in &self.rows {
            let medians = (0..self.programs.len()).map(|program| format!("{:.1}", row.nanoseconds(program).median));
            let ratio = self.reference().map(|reference| row.ratio(self.ours(), reference));
            let ratio = ratio
                .map_or_else(String::new, |Spread { min, median, max }| format!("{min:.2} / {median:.2} / {max:.2}"));
            lines.push(self.line(row.name, medians, &ratio));
        }
        text += &lines.join("\n");
        text += "\n\n";
        for Verified { name, instructions, verified, time } in &self.verified {
            let time = time.as_secs_f64() * 1e3;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}: {instructions} instructions, {verified} verified, loads in {time:.1} ms");
        }
        text.trim_end().to_owned()
    }

    fn line(&self, name: &str, cells: impl Iterator<Item = String>, ratio: &str) -> String {
        let cells: String = cells.map(|cell| format!("{cell:>10}")).collect();
        format!("{name:<26}{cells}   {ratio}").trim_end().to_owned()
    }

    /// For programs.
    pub fn json(&self) -> Result<String> {
        let rows: Vec<Value> = self.rows.iter().map(|row| self.row_json(row)).collect();
        let programs: Vec<Value> = self.verified.iter().map(program_json).collect();
        let report = json!({
            "kernel": machine::kernel(),
            "cpu": machine::cpu(),
            "rounds": self.rounds(),
            "scenarios": rows,
            "programs": programs,
        });
        Ok(serde_json::to_string_pretty(&report)? + "\n")
    }

    fn row_json(&self, row: &Row) -> Value {
        let nanoseconds = self.programs.iter().enumerate();
        let nanoseconds: serde_json::Map<_, _> =
            nanoseconds.map(|(place, name)| (name.clone(), row.nanoseconds(place).json())).collect();
        let ratio = self.reference().map(|reference| row.ratio(self.ours(), reference).json());
        let reference = self.reference().map(|reference| &self.programs[reference]);
        json!({ "name": row.name, "nanoseconds_per_packet": nanoseconds, "ratio": ratio, "ratio_to": reference })
    }
}

fn program_json(program: &Verified) -> Value {
    json!({
        "name": program.name,
        "instructions": program.instructions,
        "verified_instructions": program.verified,
        "load_milliseconds": program.time.as_secs_f64() * 1e3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let row = Row { name: "", rounds: vec![vec![100.0, 110.0], vec![200.0, 220.0]] };
        assert_eq!(row.ratio(1, 0), Spread { min: 1.1, median: 1.1, max: 1.1 });
    }
}
