//! The containers of this host: what their cgroups say, and what their runtimes know.

#[cfg(feature = "runtimes")]
mod runtimes;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flowtrace_flow::Container;

use crate::cgroup::Identity;
use crate::processes::lock;
use crate::recent::Recent;

#[cfg(feature = "runtimes")]
pub use runtimes::{RuntimeSettings, Socket, SocketKind};

/// How many containers are remembered.
const CAPACITY: usize = 4096;
/// How many questions may wait.
const QUEUE: usize = 256;
/// When a runtime that did not know a container is asked again, if anybody still wants to know: a container runs before
/// its runtime tells of it. Each time that it does not know it, twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LAST_RETRY: Duration = Duration::from_secs(600);

/// What a runtime knows of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) runtime: Option<&'static str>,
    pub(crate) name: Option<String>,
    pub(crate) image: Option<String>,
}

/// The containers of this host. Their runtimes are asked by a thread of its own; until they answer, a container has an
/// id, and what its cgroup says.
#[derive(Debug)]
pub struct Containers {
    known: Mutex<Recent<Arc<str>, Known>>,
    /// To the thread that asks; absent where none does.
    questions: Option<SyncSender<Question>>,
}

/// A container that somebody asked for.
#[derive(Debug)]
struct Known {
    container: Arc<Container>,
    /// When its runtime is asked, unless it answered.
    next: Option<Instant>,
    /// How long after that again.
    pause: Duration,
}

/// What the thread that asks is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) id: Arc<str>,
    pub(crate) runtime: Option<Arc<str>>,
}

impl Containers {
    /// Containers by their cgroups alone.
    pub fn by_cgroups() -> Arc<Self> {
        Arc::new(Self { known: Mutex::new(Recent::new(CAPACITY)), questions: None })
    }

    /// Containers, and the questions to their runtimes; answers go to [`answer`](Self::answer).
    #[cfg_attr(not(feature = "runtimes"), allow(dead_code, reason = "nobody asks runtimes without the feature"))]
    pub(crate) fn with_questions() -> (Arc<Self>, Receiver<Question>) {
        let (questions, receiver) = sync_channel(QUEUE);
        (Arc::new(Self { known: Mutex::new(Recent::new(CAPACITY)), questions: Some(questions) }), receiver)
    }

    /// The container that a cgroup names, as far as it is known now.
    pub fn of(&self, identity: &Identity) -> Arc<Container> {
        let id: Arc<str> = identity.id.as_str().into();
        let mut known = lock(&self.known);
        let known = known.get_or_insert_with(&id, || Known::new(identity, self.questions.is_some()));
        self.ask(known);
        Arc::clone(&known.container)
    }

    /// What is known of a container now, if that is more than before.
    pub fn newer(&self, container: &Arc<Container>) -> Option<Arc<Container>> {
        let mut known = lock(&self.known);
        let known = known.get(&container.id)?;
        self.ask(known);
        (!Arc::ptr_eq(&known.container, container)).then(|| Arc::clone(&known.container))
    }

    /// Asks the container's runtime, if it is time. Where the queue is full, the next one who wants to know tries again.
    fn ask(&self, known: &mut Known) {
        let (Some(questions), Some(next)) = (&self.questions, known.next) else { return };
        let now = Instant::now();
        let question = Question { id: Arc::clone(&known.container.id), runtime: known.container.runtime.clone() };
        if now >= next && questions.try_send(question).is_ok() {
            known.next = Some(now + known.pause);
            known.pause = (known.pause * 2).min(LAST_RETRY);
        }
    }

    /// The runtime knows the container.
    #[cfg_attr(not(feature = "runtimes"), allow(dead_code, reason = "nobody asks runtimes without the feature"))]
    pub(crate) fn answer(&self, id: &Arc<str>, facts: Facts) {
        let mut known = lock(&self.known);
        let Some(known) = known.get(id) else { return };
        let old = &known.container;
        known.container = Arc::new(Container {
            id: Arc::clone(&old.id),
            runtime: facts.runtime.map(Arc::from).or_else(|| old.runtime.clone()),
            name: facts.name.map(Arc::from),
            image: facts.image.map(Arc::from),
            pod_uid: old.pod_uid.clone(),
        });
        known.next = None;
    }
}

impl Known {
    /// A container in another one is not asked for: this host's runtimes do not know it, and what is written in there
    /// could as well be the id of a container that they know.
    fn new(identity: &Identity, can_ask: bool) -> Self {
        let container = Container {
            id: identity.id.as_str().into(),
            runtime: identity.runtime.map(Arc::from),
            name: None,
            image: None,
            pod_uid: identity.pod_uid.as_deref().map(Arc::from),
        };
        let next = (can_ask && !identity.is_nested).then(Instant::now);
        Self { container: Arc::new(container), next, pause: FIRST_RETRY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(number: usize, is_nested: bool) -> Identity {
        Identity { id: format!("{number:064x}"), runtime: Some("docker"), pod_uid: None, is_nested }
    }

    #[test]
    fn a_container_is_asked_for_once_until_it_is_time_again() {
        let (containers, questions) = Containers::with_questions();
        let first = containers.of(&identity(1, false));
        assert_eq!(containers.of(&identity(1, false)), first);
        assert!(containers.newer(&first).is_none());
        let asked: Vec<_> = questions.try_iter().collect();
        assert_eq!(asked, [Question { id: Arc::clone(&first.id), runtime: Some("docker".into()) }]);

        lock(&containers.known).get(&first.id).unwrap().next = Some(Instant::now());
        assert!(containers.newer(&first).is_none());
        assert_eq!(questions.try_iter().count(), 1);
        assert_eq!(lock(&containers.known).get(&first.id).unwrap().pause, 4 * FIRST_RETRY);

        let facts = Facts { runtime: None, name: Some("web".into()), image: Some("nginx:1.21".into()) };
        containers.answer(&first.id, facts);
        let newer = containers.newer(&first).unwrap();
        assert_eq!((newer.name.as_deref(), newer.runtime.as_deref()), (Some("web"), Some("docker")));
        assert!(containers.newer(&newer).is_none() && questions.try_iter().count() == 0);
    }

    #[test]
    fn a_container_in_another_one_is_not_asked_for() {
        let (containers, questions) = Containers::with_questions();
        containers.of(&identity(1, true));
        assert_eq!(questions.try_iter().count(), 0);
    }

    #[test]
    fn questions_and_containers_are_bounded() {
        let (containers, questions) = Containers::with_questions();
        for number in 0..CAPACITY + 10 {
            containers.of(&identity(number, false));
        }
        assert_eq!(lock(&containers.known).len(), CAPACITY);
        assert_eq!(questions.try_iter().count(), QUEUE);
        let gone = Arc::new(Container { id: identity(1, false).id.into(), ..Container::default() });
        assert!(containers.newer(&gone).is_none());
        containers.answer(&gone.id, Facts::default());
    }
}
