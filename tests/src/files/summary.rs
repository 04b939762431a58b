//! The summary that the program writes to standard error.

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Packets in records.
    pub packets: u64,
    /// IP bytes in records.
    pub bytes: u64,
    /// Flows begun.
    pub flows: u64,
    /// Records written.
    pub records: u64,
    /// Packets in no record, by reason.
    pub losses: Vec<(String, u64)>,
}

impl Summary {
    /// Finds the summary on standard error.
    ///
    /// # Errors
    /// When it is not there.
    pub fn parse(stderr: &str) -> Result<Self, String> {
        let mut summary = None;
        for line in stderr.lines() {
            if let Some(rest) = line.strip_prefix("flowtrace: counted: ") {
                let number = |name| number(rest, name);
                summary = Some(Self {
                    packets: number("packets")?,
                    bytes: number("bytes")?,
                    flows: number("flows")?,
                    records: number("records")?,
                    losses: Vec::new(),
                });
            } else if let (Some(rest), Some(summary)) = (line.strip_prefix("flowtrace: not counted: "), &mut summary) {
                summary.losses.push((word(rest, "reason")?.to_owned(), number(rest, "packets")?));
            }
        }
        summary.ok_or_else(|| format!("there is no summary: {stderr}"))
    }

    /// Packets in no record.
    pub fn lost(&self) -> u64 {
        self.losses.iter().map(|(_, packets)| packets).sum()
    }
}

fn word<'a>(line: &'a str, name: &str) -> Result<&'a str, String> {
    let mut words = line.split(' ').filter_map(|word| word.split_once('='));
    words.find_map(|(key, value)| (key == name).then_some(value)).ok_or_else(|| format!("no {name} in `{line}`"))
}

fn number(line: &str, name: &str) -> Result<u64, String> {
    word(line, name)?.parse().map_err(|_| format!("{name} is no number in `{line}`"))
}
