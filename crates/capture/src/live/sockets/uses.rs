//! The processes that used one socket, in their order.

use std::sync::Arc;

use flowtrace_abi::NAME;

/// So many changes of hands are remembered of a socket, the last ones.
const MOST: usize = 32;

/// The process behind a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its id, in the initial namespace of process ids; of all its threads the same.
    pub tgid: u32,
    /// Name of the thread that used the socket first, where it was seen doing so (`/proc/PID/task/TID/comm`).
    pub comm: Option<Arc<str>>,
    /// Since when it used the socket, in nanoseconds since boot; 0: since before anybody looked.
    pub since: u64,
}

/// Who used a socket. An owner with the id 0 stands for several at once.
#[derive(Debug, Default)]
pub struct Uses(Vec<Owner>);

impl Uses {
    /// Nobody did.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A process used it, or several (0).
    pub fn note(&mut self, process: u32, is_main_thread: bool, name: [u8; NAME], at: u64) {
        // A thread's name is not that of its process.
        let comm = (process != 0 && is_main_thread).then(|| text(&name));
        match self.0.last_mut() {
            Some(last) if last.tgid == process => last.comm = last.comm.take().or(comm),
            _ => self.push(Owner { tgid: process, comm, since: at }),
        }
    }

    /// A process has it, by a list.
    pub fn hold(&mut self, process: u32, comm: Option<Arc<str>>, since: u64) {
        self.push(Owner { tgid: process, comm, since });
    }

    /// Most sockets have one: room for more is not taken in advance.
    fn push(&mut self, owner: Owner) {
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.reserve_exact(1);
        self.0.push(owner);
    }

    /// Who used it from `first` to `last`: where it changed hands, who had it last; where it went to and fro, nobody.
    /// Where it was used later only, who did then.
    pub fn at(&self, first: u64, last: u64) -> Option<Owner> {
        let until = |moment| self.0.iter().rposition(|owner| owner.since <= moment).unwrap_or(0);
        let users = self.0.get(until(first)..=until(last))?;
        let returns = |at: usize| users[at + 1..].iter().any(|later| later.tgid == users[at].tgid);
        if users.iter().any(|owner| owner.tgid == 0) || (0..users.len()).any(returns) {
            return None;
        }
        users.last().cloned()
    }
}

/// A name as the kernel keeps it: bytes up to a zero.
pub fn text(name: &[u8; NAME]) -> Arc<str> {
    let name = name.split(|byte| *byte == 0).next().unwrap_or(&[]);
    String::from_utf8_lossy(name).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_had_it_last_is_its_owner() {
        for (told, first, last, owner) in [
            (&[(1, 10)][..], 5, 8, Some(1)),
            (&[(1, 10)], 20, 30, Some(1)),
            // Handed over.
            (&[(1, 10), (2, 20)], 5, 30, Some(2)),
            (&[(1, 10), (2, 20)], 5, 15, Some(1)),
            (&[(1, 10), (2, 20)], 25, 30, Some(2)),
            // Used in turns.
            (&[(1, 10), (2, 20), (1, 25)], 5, 30, None),
            (&[(1, 10), (2, 20), (1, 25)], 26, 30, Some(1)),
            (&[(1, 10), (0, 20)], 5, 30, None),
            (&[(1, 10), (0, 20)], 25, 30, None),
            (&[(1, 10), (0, 20), (1, 25)], 30, 35, Some(1)),
            (&[], 1, 2, None),
        ] {
            let mut uses = Uses::default();
            told.iter().for_each(|(process, at)| uses.note(*process, true, [0; NAME], *at));
            assert_eq!(uses.at(first, last).map(|owner| owner.tgid), owner, "{told:?} from {first} to {last}");
        }
    }

    #[test]
    fn a_process_has_the_name_of_its_main_thread() {
        let mut name = [0; NAME];
        name[..5].copy_from_slice(b"nginx");
        let mut uses = Uses::default();
        uses.note(1, false, name, 1);
        assert_eq!(uses.at(1, 1).expect("a process").comm, None);
        uses.note(1, true, name, 2);
        assert_eq!(uses.at(1, 1).expect("a process").comm.as_deref(), Some("nginx"));
        assert_eq!(&*text(&[b'x'; NAME]), "xxxxxxxxxxxxxxxx");
    }

    #[test]
    fn the_last_changes_are_remembered() {
        let mut uses = Uses::default();
        (1..=100).for_each(|process| uses.note(process, true, [0; NAME], process.into()));
        assert_eq!(uses.0.len(), MOST);
        let owner = |first, last| uses.at(first, last).map(|owner| owner.tgid);
        assert_eq!((owner(90, 95), owner(99, 200)), (Some(95), Some(100)));
    }
}
