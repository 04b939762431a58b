//! Where the kernel's structures have their fields, by its type information (BTF, Documentation/bpf/btf.rst).

use std::fs;
use std::io;

use flowtrace_abi::SocketOffsets;

/// The kernel's own types.
const KERNEL: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: u16 = 0xeb9f;
/// `BTF_KIND_STRUCT`, `BTF_KIND_UNION`, and kinds that only lead to another type.
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const LEADS_ON: [u32; 6] = [8, 9, 10, 11, 18, 12];
/// Anonymous structures within one another, and types that lead to others, are followed so far.
const DEPTH: u32 = 16;

/// Type information, as it lies in the file.
struct Btf {
    types: Vec<u8>,
    strings: Vec<u8>,
    /// Where each type begins in `types`; the first has the number 1.
    starts: Vec<usize>,
}

/// A field: where it begins, in bits, and its type's number.
#[derive(Clone, Copy)]
struct Field {
    bits: u32,
    kind: u32,
}

/// Where this kernel keeps what is to be known of sockets.
///
/// # Errors
/// Where there is no type information, or a field is not in it.
pub fn offsets() -> io::Result<SocketOffsets> {
    let bytes = fs::read(KERNEL)?;
    let btf = Btf::parse(&bytes).ok_or_else(|| missing("its type information"))?;
    btf.offsets().map_err(missing)
}

fn missing(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("the kernel does not tell {what}"))
}

impl Btf {
    fn parse(bytes: &[u8]) -> Option<Self> {
        if u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?) != MAGIC {
            return None;
        }
        let header = word(bytes, 4)? as usize;
        let part = |place| -> Option<Vec<u8>> {
            let start = header.checked_add(word(bytes, place)? as usize)?;
            let end = start.checked_add(word(bytes, place + 4)? as usize)?;
            Some(bytes.get(start..end)?.to_vec())
        };
        let (types, strings) = (part(8)?, part(16)?);
        let mut starts = Vec::new();
        let mut at = 0;
        while at < types.len() {
            starts.push(at);
            at += 12 + size_of_details(word(&types, at + 4)?)?;
        }
        Some(Self { types, strings, starts })
    }

    fn offsets(&self) -> Result<SocketOffsets, &'static str> {
        let common = |name| self.member("sock_common", name);
        let socket = |name| self.member("sock", name);
        let bytes = |field: Field| field.bits / 8;
        let base = bytes(socket("__sk_common")?);
        let in_common = |name| common(name).map(|field| base + bytes(field));
        let v6_only = common("skc_ipv6only")?;
        Ok(SocketOffsets {
            family: in_common("skc_family")?,
            local4: in_common("skc_rcv_saddr")?,
            remote4: in_common("skc_daddr")?,
            local6: in_common("skc_v6_rcv_saddr")?,
            remote6: in_common("skc_v6_daddr")?,
            local_port: in_common("skc_num")?,
            remote_port: in_common("skc_dport")?,
            v6_only: base + bytes(v6_only),
            v6_only_bit: v6_only.bits % 8,
            protocol: bytes(socket("sk_protocol")?),
            kind: bytes(socket("sk_type")?),
            net: in_common("skc_net")?,
            net_cookie: bytes(self.member("net", "net_cookie")?),
            task_flags: bytes(self.member("task_struct", "flags")?),
        })
    }

    /// A field of a structure, or of what is in it without a name.
    fn member(&self, structure: &str, name: &'static str) -> Result<Field, &'static str> {
        let mut all = self.starts.iter().filter(|start| self.is(**start, structure));
        all.find_map(|start| self.find(*start, name, DEPTH)).ok_or(name)
    }

    fn is(&self, start: usize, structure: &str) -> bool {
        self.word(start + 4).is_some_and(|info| kind(info) == STRUCT)
            && self.name(start).is_some_and(|name| name == structure.as_bytes())
    }

    fn find(&self, start: usize, name: &str, depth: u32) -> Option<Field> {
        let depth = depth.checked_sub(1)?;
        let info = self.word(start + 4)?;
        if !matches!(kind(info), STRUCT | UNION) {
            return None;
        }
        (0..count(info)).find_map(|number| {
            let at = start + 12 + 12 * number as usize;
            let field = Field { bits: self.offset(info, at)?, kind: self.word(at + 4)? };
            match self.name(at)? {
                [] => {
                    let inner = self.find(self.resolve(field.kind)?, name, depth)?;
                    Some(Field { bits: field.bits.checked_add(inner.bits)?, ..inner })
                }
                found => (found == name.as_bytes()).then_some(field),
            }
        })
    }

    /// The offset of a member, in bits. In structures with bit fields its upper byte is the field's size.
    fn offset(&self, info: u32, member: usize) -> Option<u32> {
        let offset = self.word(member + 8)?;
        Some(if info >> 31 != 0 { offset & 0x00ff_ffff } else { offset })
    }

    /// Where the type begins that a number, or a chain of qualifiers, leads to.
    fn resolve(&self, mut number: u32) -> Option<usize> {
        for _ in 0..DEPTH {
            let start = *self.starts.get((number as usize).checked_sub(1)?)?;
            if !LEADS_ON.contains(&kind(self.word(start + 4)?)) {
                return Some(start);
            }
            number = self.word(start + 8)?;
        }
        None
    }

    /// The name at the beginning of a type or member; empty where it has none.
    fn name(&self, at: usize) -> Option<&[u8]> {
        let text = self.strings.get(self.word(at)? as usize..)?;
        text.split(|byte| *byte == 0).next()
    }

    fn word(&self, at: usize) -> Option<u32> {
        word(&self.types, at)
    }
}

const fn kind(info: u32) -> u32 {
    info >> 24 & 0x1f
}

const fn count(info: u32) -> u32 {
    info & 0xffff
}

/// What follows the first 12 bytes of a type, in bytes.
fn size_of_details(info: u32) -> Option<usize> {
    let each = match kind(info) {
        // Integer, variable, tag of a declaration; array.
        1 | 14 | 17 => return Some(4),
        3 => return Some(12),
        // Structure, union, section of data, enumeration with 64 bits; enumeration, function's prototype.
        STRUCT | UNION | 15 | 19 => 12,
        6 | 13 => 8,
        0..=18 => 0,
        _ => return None,
    };
    Some(each * count(info) as usize)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct a { int x:3; union { short y; struct b { char z[2]; } } }`, written by hand.
    fn example() -> Vec<u8> {
        let strings = b"\0a\0x\0y\0sock\0";
        let types: [u32; 18] = [
            1,
            4 << 24 | 1 << 31 | 2,
            8, // 1: struct a, with bit fields
            3,
            9,
            3 << 24 | 5, // x: 3 bits, at bit 5
            0,
            2,
            32, // no name, at bit 32
            0,
            10 << 24,
            3, // 2: const of 3
            0,
            5 << 24 | 1,
            4, // 3: union
            5,
            9,
            16, // y at bit 16
        ];
        let length = types.len() * 4;
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for value in [24, 0, length as u32, length as u32, strings.len() as u32] {
            bytes.extend(u32::to_ne_bytes(value));
        }
        types.iter().for_each(|value| bytes.extend(value.to_ne_bytes()));
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn fields_are_found_within_what_has_no_name() {
        let btf = Btf::parse(&example()).expect("it is whole");
        let bits = |name| btf.member("a", name).map(|field| field.bits);
        assert_eq!((bits("x"), bits("y")), (Ok(5), Ok(48)));
        assert_eq!((bits("z"), btf.offsets()), (Err("z"), Err("__sk_common")));
    }

    #[test]
    fn what_is_cut_or_wrong_is_refused() {
        let whole = example();
        for length in 0..whole.len() {
            assert!(Btf::parse(&whole[..length]).is_none(), "{length}");
        }
        // Wrong bytes anywhere must not do harm.
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let told = Btf::parse(&bytes).map(|btf| btf.member("a", "y").is_ok());
                assert!(told.is_none() || told.is_some());
            }
        }
    }

    #[test]
    fn this_kernel_tells_its_own() {
        if let Ok(offsets) = offsets() {
            // The first fields of `struct sock_common`, since long.
            assert_eq!((offsets.remote4, offsets.local4), (0, 4));
            assert!(offsets.net != 0 && offsets.net_cookie != 0);
        }
    }
}
