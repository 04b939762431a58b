//! Times as the API writes them.

/// Nanoseconds since the Unix epoch.
pub type Time = u64;

/// A second.
pub const SECOND: Time = 1_000_000_000;

/// Reads a time as the API server writes them: `2026-11-21T11:21:07Z`, always UTC; a fraction is cut off.
///
/// Nothing for anything else, and for years before 1970 and after 2500.
pub fn parse(text: &str) -> Option<Time> {
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok()
    };
    if !text.ends_with('Z') || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1970..=2500).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some((days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * SECOND)
}

/// Days since 1970-01-01 in the Gregorian calendar. Years are taken to begin in March, so that the leap day is their last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600)),
            ("2000-03-01T00:00:00Z", Some(951_868_800)),
            ("2026-11-21T11:21:07Z", Some(1_795_260_067)),
            ("2026-11-21T11:21:07.123456Z", Some(1_795_260_067)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400)),
            ("2026-11-21 11:21:07Z", None),
            ("2026-11-21T11:21:07+01:00", None),
            ("2026-13-21T11:21:07Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("-026-11-21T11:21:07Z", None),
            ("Z", None),
            ("ééééééééééT", None),
        ] {
            assert_eq!(parse(text), seconds.map(|seconds| seconds * SECOND), "{text}");
        }
    }
}
