//! Who was talking, at the end of a line.

use std::fmt::{self, Write};

use flowtrace_flow::{Party, Record};

/// ` from curl[4242] to nginx[4711]@web-1 (www.example.org)`, as far as it is known.
pub(super) fn put(record: &Record, line: &mut String) -> fmt::Result {
    let Some(who) = &record.who else { return Ok(()) };
    for (word, party) in [("from", &who.source), ("to", &who.destination)] {
        if *party != Party::default() {
            write!(line, " {word}")?;
            put_party(party, line)?;
        }
    }
    Ok(())
}

/// The process, its container, and the name of the address.
fn put_party(Party { process, name, .. }: &Party, line: &mut String) -> fmt::Result {
    let Some(process) = process else {
        line.push(' ');
        put_text(name.as_deref().unwrap_or_default(), line);
        return Ok(());
    };
    line.push(' ');
    put_text(process.executable_name.as_deref().unwrap_or_default(), line);
    write!(line, "[{}]", process.pid)?;
    if let Some(container) = &process.container {
        line.push('@');
        let short = container.id.get(..12).unwrap_or(&container.id);
        put_text(container.name.as_deref().unwrap_or(short), line);
    }
    if let Some(name) = name {
        line.push_str(" (");
        put_text(name, line);
        line.push(')');
    }
    Ok(())
}

/// A name that others chose: what would move the terminal's cursor stands as `?`.
fn put_text(text: &str, line: &mut String) {
    line.extend(text.chars().map(|letter| if letter.is_control() { '?' } else { letter }));
}
