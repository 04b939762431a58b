//! What lies around the packets, at the end of a line: most lines have nothing there.

use std::fmt::{self, Write};

use flowtrace_flow::{Record, Tunnel};

/// ` in vlan 100.7, vxlan 42, ipip`, as far as the record has them; ` outer` for packets that hold others.
pub(super) fn put(record: &Record, line: &mut String) -> fmt::Result {
    if record.is_outer {
        line.push_str(" outer");
    }
    let mut word = " in ";
    let mut next = |line: &mut String| line.push_str(std::mem::replace(&mut word, ", "));
    if let Some(vlan) = record.vlan {
        next(line);
        write!(line, "vlan {vlan}")?;
        if let Some(inner) = record.inner_vlan {
            write!(line, ".{inner}")?;
        }
    }
    if let Some(tunnel) = &record.tunnel {
        next(line);
        put_tunnel(tunnel, line)?;
    }
    if record.ipip.is_some() {
        next(line);
        line.push_str("ipip");
    }
    Ok(())
}

/// Its kind, and its identifier where it has one.
fn put_tunnel(tunnel: &Tunnel, line: &mut String) -> fmt::Result {
    line.push_str(tunnel.kind.name());
    match tunnel.id {
        Some(id) => write!(line, " {id}"),
        None => Ok(()),
    }
}
