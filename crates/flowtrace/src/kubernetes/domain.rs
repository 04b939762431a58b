//! The domain in which the cluster's services have their names.

use std::fs;

/// As the kubelet writes it for pods: the search list of `/etc/resolv.conf` has `NAMESPACE.svc.DOMAIN`, `svc.DOMAIN` and
/// `DOMAIN` (<https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/>). Absent outside of pods.
pub fn of_resolver() -> Option<String> {
    parse(&fs::read_to_string("/etc/resolv.conf").ok()?)
}

fn parse(text: &str) -> Option<String> {
    let mut lists = text.lines().filter_map(|line| line.trim().strip_prefix("search"));
    // Of several lists the last counts: resolv.conf(5).
    let names = lists.next_back()?.split_whitespace();
    let mut domains = names.filter_map(|name| name.strip_prefix("svc."));
    domains.next().map(|domain| domain.trim_end_matches('.').to_owned()).filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_list_names_it() {
        for (text, expected) in [
            (
                "search prod.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\n",
                Some("cluster.local"),
            ),
            ("nameserver 1.1.1.1\nsearch example.org\n", None),
            ("search a.svc.b svc.b b\nsearch\tn.svc.k8s.example. svc.k8s.example. k8s.example.\n", Some("k8s.example")),
            ("search svc.\n", None),
            ("", None),
        ] {
            assert_eq!(parse(text).as_deref(), expected, "{text}");
        }
    }
}
