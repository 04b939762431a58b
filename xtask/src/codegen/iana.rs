//! `crates/span/src/generated/iana.rs`: IANA's numbers and names as functions.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::NOTICE;

/// The file, before rustfmt.
pub fn generate(folder: &Path) -> Result<String> {
    let mut out =
        format!("// {NOTICE}\n\n//! Names that IANA gives to numbers. Sources: the heads of registry/iana/*.csv.\n\n");
    let one = |name: &str, style: fn(&str) -> String| -> Result<String> {
        let rows = rows(&folder.join(name), 1, 2)?;
        Ok(rows.iter().map(|row| format!("{} => {:?},\n", row[0], style(&row[1]))).collect())
    };
    let two = |name: &str| -> Result<String> {
        let rows = rows(&folder.join(name), 2, 3)?;
        Ok(rows.iter().map(|row| format!("({}, {}) => {:?},\n", row[0], row[1], snake(&row[2]))).collect())
    };
    let names = |name: &str, columns: usize| -> Result<String> {
        let rows = rows(&folder.join(name), 1, columns)?;
        Ok(rows.iter().map(|row| format!("{} => {:?},\n", row[0].to_lowercase(), row[1])).collect())
    };
    let single = "number: u8";
    function(
        &mut out,
        "protocol_keyword",
        "Keyword of an IP protocol",
        single,
        "number",
        &one("protocols.csv", hyphen)?,
    );
    function(&mut out, "dscp_name", "Name of a DSCP (RFC 2474)", single, "number", &one("dscp.csv", hyphen)?);
    function(&mut out, "ecn_name", "Name of an ECN codepoint (RFC 3168)", single, "number", &one("ecn.csv", hyphen)?);
    for (suffix, version) in [("v4", "icmp"), ("v6", "icmpv6")] {
        let types = one(&format!("{version}-types.csv"), snake)?;
        let codes = two(&format!("{version}-codes.csv"))?;
        private(&mut out, &format!("type_{suffix}"), single, "number", &types);
        private(&mut out, &format!("code_{suffix}"), "number: u8, code: u8", "(number, code)", &codes);
    }
    links(&mut out, &names("ethertypes.csv", 3)?, &names("llc-access-points.csv", 2)?);
    out.push_str(
        "/// Name of an ICMP type, in snake case; `v6` for ICMPv6.\n\
         pub const fn icmp_type_name(v6: bool, number: u8) -> Option<&'static str> {\n\
         if v6 { type_v6(number) } else { type_v4(number) }\n}\n\n\
         /// Name of a code of an ICMP type, in snake case; `v6` for ICMPv6.\n\
         pub const fn icmp_code_name(v6: bool, number: u8, code: u8) -> Option<&'static str> {\n\
         if v6 { code_v6(number, code) } else { code_v4(number, code) }\n}\n",
    );
    Ok(out)
}

/// Names of what is carried by a frame: they are printed, so their letters stay as they are.
fn links(out: &mut String, ethertypes: &str, access_points: &str) {
    out.push_str("/// Short name of an EtherType (`ARP`); `None` where the table has none.\npub ");
    private(out, "ethertype_name", "ethertype: u16", "ethertype", ethertypes);
    private(out, "access_point_name", "number: u8", "number", access_points);
    out.push_str(
        "/// Name of a service access point of IEEE Std 802.2 (`spanning tree`); `None` where the table has none.\n\
         /// The lowest bit, which tells groups or responses, does not matter but for the global one, 0xff.\n\
         pub const fn llc_name(access_point: u8) -> Option<&'static str> {\n\
         access_point_name(if access_point == 0xff { 0xff } else { access_point & 0xfe })\n}\n\n",
    );
}

fn function(out: &mut String, name: &str, brief: &str, parameters: &str, key: &str, arms: &str) {
    let _ = writeln!(out, "/// {brief}, in lower case; `None` where there is none.");
    out.push_str("pub ");
    private(out, name, parameters, key, arms);
}

fn private(out: &mut String, name: &str, parameters: &str, key: &str, arms: &str) {
    let _ = write!(
        out,
        "const fn {name}({parameters}) -> Option<&'static str> {{\nSome(match {key} {{\n{arms}_ => return None,\n}})\n}}\n\n"
    );
}

/// The rows of a table; its first columns (`keys` of them) are numbers of one or two bytes, ascending and unique.
pub(super) fn rows(path: &Path, keys: usize, columns: usize) -> Result<Vec<Vec<String>>> {
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_path(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mut rows = Vec::new();
    let mut last: Option<Vec<u16>> = None;
    for record in reader.records() {
        let record = record.with_context(|| format!("cannot read {}", path.display()))?;
        let row: Vec<String> = record.iter().map(str::to_owned).collect();
        ensure!(row.len() == columns, "{}: {row:?} has not {columns} columns", path.display());
        let numbers: Option<Vec<u16>> = row[..keys].iter().map(|text| number(text)).collect();
        let numbers = numbers.with_context(|| {
            format!("{}: {row:?} does not begin with numbers of one byte, or 0x and two", path.display())
        })?;
        ensure!(last.is_none_or(|last| last < numbers), "{}: {row:?} is not above the row before", path.display());
        last = Some(numbers);
        rows.push(row);
    }
    Ok(rows)
}

/// Up to 255 in decimal digits, up to 0xffff in hexadecimal ones.
fn number(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse::<u8>().ok().map(u16::from),
    }
}

/// Lower case, spaces as hyphens: `Mobility Header` → `mobility-header`.
fn hyphen(text: &str) -> String {
    text.to_ascii_lowercase().replace(' ', "-")
}

/// Snake case: `Don't Fragment` → `dont_fragment`.
fn snake(text: &str) -> String {
    let lower = text.to_ascii_lowercase().replace('\'', "");
    let words: Vec<_> = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}
