//! What stands in a column: numbers short enough to be read at a glance.

/// Time of day in UTC, milliseconds; from nanoseconds since the epoch.
pub(super) fn time_of_day(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000 % 86_400_000;
    let (seconds, milliseconds) = (milliseconds / 1000, milliseconds % 1000);
    format!("{:02}:{:02}:{:02}.{milliseconds:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// At most eight characters, cut, not rounded; from nanoseconds.
pub(super) fn duration(nanoseconds: u64) -> String {
    let (microseconds, milliseconds, seconds) =
        (nanoseconds / 1000, nanoseconds / 1_000_000, nanoseconds / 1_000_000_000);
    match seconds {
        0 if nanoseconds == 0 => "0".to_owned(),
        0 if microseconds == 0 => format!("{nanoseconds}ns"),
        0 if milliseconds == 0 => format!("{microseconds}µs"),
        0 => format!("{milliseconds}.{}ms", microseconds % 1000 / 100),
        1..60 => format!("{seconds}.{:03}s", milliseconds % 1000),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A count: exact below 100,000, with a decimal prefix above.
pub(super) fn count(value: u64) -> String {
    if value < 100_000 { value.to_string() } else { scaled(value, "") }
}

/// Bytes, with decimal prefixes as network rates have them.
pub(super) fn bytes(value: u64) -> String {
    if value < 1000 { format!("{value}B") } else { scaled(value, "B") }
}

/// Three digits or one decimal, cut, not rounded.
fn scaled(value: u64, unit: &str) -> String {
    const PREFIXES: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    let mut divisor = 1000;
    let mut prefix = 0;
    while value / divisor >= 1000 {
        divisor *= 1000;
        prefix += 1;
    }
    let tenths = value / (divisor / 10) % 10;
    format!("{}.{tenths}{}{unit}", value / divisor, PREFIXES[prefix])
}

/// TCP flags by their first letters, in the order of the bits; `-` for a direction without a segment, `.` for one whose
/// segments had none.
pub(super) fn flags(flags: Option<u8>) -> String {
    /// FIN, SYN, RST, PSH, ACK, URG, ECE, CWR (RFC 9293, section 3.1).
    const LETTERS: [char; 8] = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'];
    match flags {
        None => "-".to_owned(),
        Some(0) => ".".to_owned(),
        Some(flags) => (0..8).filter(|bit| flags & 1 << bit != 0).map(|bit| LETTERS[bit]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_short_and_exact() {
        let rows = [
            (time_of_day(0), "00:00:00.000"),
            (time_of_day(1_700_000_000_123_999_999), "22:13:20.123"),
            (time_of_day(u64::MAX), "23:34:33.709"),
            (duration(0), "0"),
            (duration(999), "999ns"),
            (duration(85_999), "85µs"),
            (duration(999_999_999), "999.9ms"),
            (duration(59_999_999_999), "59.999s"),
            (duration(60_000_000_000), "1m00s"),
            (duration(3_661_000_000_000), "1h01m"),
            (duration(u64::MAX), "213503d23h"),
            (count(0), "0"),
            (count(99_999), "99999"),
            (count(100_000), "100.0k"),
            (count(u64::MAX), "18.4E"),
            (bytes(0), "0B"),
            (bytes(999), "999B"),
            (bytes(1000), "1.0kB"),
            (bytes(999_999), "999.9kB"),
            (bytes(1_000_000), "1.0MB"),
            (flags(None), "-"),
            (flags(Some(0)), "."),
            (flags(Some(0x1b)), "FSPA"),
            (flags(Some(0xff)), "FSRPAUEC"),
        ];
        for (cell, expected) in rows {
            assert_eq!(cell, expected);
        }
    }
}
