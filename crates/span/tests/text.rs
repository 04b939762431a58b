//! `--output text`: what a line says, and that lines stay aligned.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod records;

use flowtrace_flow::Record;
use flowtrace_span::Text;
use proptest::prelude::*;

fn lines(colour: bool, records: &[Record]) -> Vec<String> {
    let (mut text, mut out) = (Text::new(colour), Vec::new());
    for record in records {
        text.write(record, &mut out);
    }
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_line_says_what_happened() {
    let expected = [
        "TIME         DURATION  PROTOCOL                  SOURCE   DESTINATION             PKTS→   PKTS←   BYTES→   BYTES←  FLAGS       END",
        "22:13:21.204   1.204s  tcp              192.0.2.1:51234 → 198.51.100.7:443           12      10    1.2kB   34.5kB  FSPA/FSPA   closed",
        "22:13:20.000     85µs  tcp              192.0.2.1:51234 → 198.51.100.7:443            1       1      60B      40B  S/RA        closed refused",
        "22:14:20.000    1m00s  udp        [2001:db8:1234:5678:9abc:def0:1234:5678]:40000 → [2001:db8::53]:53      100.0k       0  123.4MB       0B              active",
        "22:13:21.204   1.204s  icmp                                            192.0.2.1 → 192.0.2.2                   3       3     252B     252B              idle",
        "22:13:20.000        0  253                                             192.0.2.1 ↔ 192.0.2.2                   1       0      20B       0B              evicted",
        "22:13:21.204   1.204s  tcp                                       192.0.2.1:51234 → 198.51.100.7:443           12      10    1.2kB   34.5kB  FSPA/FSPA   closed in vlan 100.7, vxlan 42",
        "22:13:20.000        0  esp                                             192.0.2.1 ↔ 192.0.2.2                   1       0      20B       0B              evicted in vlan 0, ipip",
        "22:13:21.204   1.204s  udp                                       192.0.2.1:51234 → 192.0.2.2:4789             12      10    1.8kB   35.0kB              closed outer",
        "22:13:21.204   1.204s  tcp                                       192.0.2.1:51234 → 198.51.100.7:443           12      10    1.2kB   34.5kB  FSPA/FSPA   closed from curl[4242] to nginx[4711]@web-1 (www.example.org)",
    ];
    let lines = lines(false, &records::table());
    assert_eq!(lines, expected, "\n{}", lines.join("\n"));
}

/// The text without `ESC [ … m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').unwrap().1)
}

#[test]
fn colours_add_nothing_but_colours() {
    let (plain, coloured) = (lines(false, &records::table()), lines(true, &records::table()));
    assert_ne!(plain, coloured);
    assert_eq!(plain, coloured.iter().map(|line| without_colours(line)).collect::<Vec<_>>());
    assert!(coloured[2].contains("\x1b[31mrefused"));
}

proptest! {
    #[test]
    fn lines_hold_no_control_characters_and_stay_aligned(
        records in proptest::collection::vec(records::any_record(), 1..6),
    ) {
        let mut text = Text::new(false);
        // The widest addresses first: from then on nothing moves.
        text.write(&records::udp6(), &mut Vec::new());
        for record in &records {
            let mut line = Vec::new();
            text.write(record, &mut line);
            let line = String::from_utf8(line).unwrap();
            prop_assert_eq!(line.find(char::is_control), Some(line.len() - 1));
            prop_assert!(line.chars().filter(|char| "→←↔".contains(*char)).count() == 1);
        }
    }
}
