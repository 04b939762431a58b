//! What must hold of files that say who somebody is: what containers and people write there.

use flowtrace_enrich::{container_of_cgroups, host_name, parse_hosts, parse_passwd};

/// One byte that says which file it is, then its content.
///
/// # Panics
/// Where something does not hold.
pub fn who(data: &[u8]) {
    let Some((kind, content)) = data.split_first() else { return };
    match kind % 4 {
        0 => cgroups(content),
        1 => passwd(content),
        2 => hosts(content),
        _ => name(&String::from_utf8_lossy(content)),
    }
}

fn cgroups(content: &[u8]) {
    let Some(found) = container_of_cgroups(content) else { return };
    assert!(found.id.len() == 64 && found.id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{found:?}");
    let text = String::from_utf8_lossy(content);
    assert!(text.contains(&found.id), "an id that nobody wrote: {found:?}");
    if let Some(uid) = &found.pod_uid {
        assert!(matches!(uid.len(), 32 | 36), "{found:?}");
        assert!(uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'), "{found:?}");
    }
    // Whatever a container has inside, it is in the container.
    let deeper = format!("0::/docker/{}/docker/{}", "a".repeat(64), found.id);
    assert!(container_of_cgroups(deeper.as_bytes()).is_some_and(|inner| inner.is_nested && inner.id == found.id));
}

fn passwd(content: &[u8]) {
    let users = parse_passwd(content);
    assert!(users.len() <= content.len());
    for name in users.values() {
        assert!((1..=64).contains(&name.len()) && !name.chars().any(char::is_control), "{name:?}");
    }
}

fn hosts(content: &[u8]) {
    let hosts = parse_hosts(content);
    assert!(hosts.len() <= content.len());
    for (address, name) in hosts {
        assert_eq!(address, address.to_canonical());
        assert!(!address.is_unspecified());
        self::name(&name);
        assert_eq!(host_name(&name).as_deref(), Some(&*name));
    }
}

fn name(text: &str) {
    let Some(name) = host_name(text) else { return };
    assert!((1..=253).contains(&name.len()) && name.is_ascii() && !name.ends_with('.'), "{name:?}");
    assert!(name.eq_ignore_ascii_case(text.strip_suffix('.').unwrap_or(text)));
    assert_eq!(host_name(&name).as_ref(), Some(&name), "a name stays what it is");
    assert!(name.parse::<std::net::IpAddr>().is_err(), "an address is no name");
}
