//! Names of users, as `/etc/passwd` has them (passwd(5)). Other sources of users (LDAP, systemd) are not asked: they
//! would block.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::text;
use crate::watched::Watched;

/// More bytes of the file are not read.
const LIMIT: usize = 1 << 20;
/// More users are not kept.
const MAX_USERS: usize = 1 << 14;
/// Longest name, in bytes: twice what `useradd` takes (utmp's `UT_NAMESIZE`).
const MAX_NAME: usize = 64;

/// Names of users by number.
pub type Names = HashMap<u32, Arc<str>>;

/// The users of a file that is read again when it changes.
#[derive(Debug)]
pub struct Users {
    file: Watched<Names>,
}

impl Users {
    /// The users of a file such as `/etc/passwd`.
    pub fn new(path: PathBuf) -> Self {
        Self { file: Watched::new(path, LIMIT, parse) }
    }

    /// The user's name; the number where there is none. `now` is in nanoseconds since boot.
    pub fn name(&mut self, uid: u32, now: u64) -> Arc<str> {
        self.file.get(now).get(&uid).cloned().unwrap_or_else(|| uid.to_string().into())
    }
}

/// Reads `name:password:uid:…` lines; the first of several names of a number holds, as in getpwuid(3).
pub fn parse(content: &[u8]) -> Names {
    let mut names = Names::new();
    for line in content.split(|&byte| byte == b'\n') {
        let Some((uid, name)) = user(line) else { continue };
        if names.len() >= MAX_USERS {
            break;
        }
        names.entry(uid).or_insert_with(|| name.into());
    }
    names
}

fn user(line: &[u8]) -> Option<(u32, &str)> {
    let mut fields = std::str::from_utf8(line).ok()?.split(':');
    let name = text::name(fields.next()?, MAX_NAME)?;
    // `+` and `-` include and exclude users of NIS.
    if name.starts_with(['+', '-', '#']) {
        return None;
    }
    Some((fields.nth(1)?.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_passwd() {
        let content = b"root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\n\xff:x:7:7:::\n:x:8:8:::\n+::::::\n\
            www-data:x:33:33::/var/www:/usr/sbin/nologin\nbad:x:-1:0:::\nbig:x:4294967296:0:::\nesc\x1b:x:9:9:::\nlast:x:44";
        let mut names: Vec<_> = parse(content).into_iter().map(|(uid, name)| format!("{uid} {name}")).collect();
        names.sort();
        assert_eq!(names, ["0 root", "33 www-data", "44 last"]);
    }

    #[test]
    fn a_user_without_a_name_has_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwd");
        std::fs::write(&path, "web:x:1000:1000::/:\n").unwrap();
        let mut users = Users::new(path);
        assert_eq!([&*users.name(1000, 0), &*users.name(1001, 0)], ["web", "1001"]);
    }
}
