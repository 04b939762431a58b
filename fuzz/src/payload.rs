//! What must hold for any payload.

use std::net::IpAddr;

use flowtrace_payload::{dns as messages, tls as hellos};

/// A DNS message, and the same bytes as those of a TCP segment.
///
/// # Panics
/// Where something does not hold.
pub fn dns(data: &[u8]) {
    let answers = messages::answers(data);
    let mut names = answers.iter().map(|(_, name, _)| name);
    let first = names.next();
    assert!(names.all(|name| Some(name) == first), "one question, one name: {answers:?}");
    assert!(answers.len() <= 64, "{answers:?}");
    check(&answers);
    let stream = messages::answers_in_stream(data);
    // The least record of an address takes 14 bytes; of a hint, 4.
    assert!(stream.len() <= data.len() / 4, "{stream:?}");
    check(&stream);
}

fn check(answers: &[messages::Answer]) {
    for (address, name, ttl) in answers {
        check_name(name);
        assert!(*ttl <= i32::MAX as u32, "{ttl}");
        let is_nobodys = address.is_unspecified() || address.is_loopback() || address.is_multicast();
        assert!(!is_nobodys && *address != IpAddr::from([255; 4]), "{address}");
    }
}

/// A TLS record.
///
/// # Panics
/// Where something does not hold.
pub fn tls(data: &[u8]) {
    let Some(name) = hellos::server_name(data) else { return };
    check_name(&name);
    let text = data.to_ascii_lowercase();
    assert!(text.windows(name.len()).any(|part| part == name.as_bytes()), "{name} is in the bytes");
    // More bytes behind it change nothing.
    let longer = [data, &[0; 8]].concat();
    assert_eq!(hellos::server_name(&longer).as_ref(), Some(&name));
}

fn check_name(name: &str) {
    assert!(!name.is_empty() && name.len() <= 253, "{name}");
    assert!(name.parse::<IpAddr>().is_err(), "{name}");
    for label in name.split('.') {
        assert!((1..=63).contains(&label.len()), "{name}");
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        assert!(label.bytes().all(is_plain), "{name}");
    }
}
