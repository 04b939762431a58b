//! What is said of mistakes, word by word.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use flowtrace_filter::{Filter, limits};

/// Each text, and its message: below the line with the text stand the carets, and then what to do.
const MISTAKES: &[(&str, &[&str])] = &[
    ("", &["the filter is empty"]),
    ("source.prot == 80", &["there is no such attribute", "^^^^^^^^^^^", "help: did you mean source.port?"]),
    ("x == 80", &["there is no such attribute", "^"]),
    (
        "source.port",
        &[
            "source.port is not compared with anything",
            "           ^",
            "help: has(source.port) asks whether it is known",
        ],
    ),
    ("source.port = 80", &["this is no operator here", "            ^", "help: write =="]),
    ("source.port == ", &["a value is missing here", "               ^"]),
    ("source.port == [80]", &["a list cannot stand here", "               ^", "help: write in before it"]),
    ("source.port == 80..90", &["a range cannot stand here", "               ^^^^^^", "help: write in before it"]),
    ("source.port in []", &["a value is missing here", "                ^"]),
    (
        "source.port in [80 90]",
        &[", is missing here", "                   ^^", "help: values in a list stand between commas"],
    ),
    (
        "source.port in [80",
        &[", is missing here", "                  ^", "help: values in a list stand between commas"],
    ),
    (
        "source.port in 8000-8100",
        &["this is not a whole number", "               ^^^^^^^^^", "help: a range is written 8000..8100"],
    ),
    ("source.port in 90..80", &["this range is empty", "               ^^^^^^", "help: the lower end comes first"]),
    ("source.port == \"80\"", &["source.port is a number", "               ^^^^", "help: write it without quotes"]),
    ("source.port == http", &["source.port is a number, and this is not", "               ^^^^"]),
    ("source.port == 70000", &["a port is at most 65535", "               ^^^^^"]),
    ("source.port == -1", &["source.port is never negative", "               ^^"]),
    ("source.port == 0x", &["this is not a whole number", "               ^^"]),
    ("source.port == 1.5", &["this is not a whole number", "               ^^^"]),
    ("source.port == 5ms", &["source.port has no such unit", "               ^^^", "help: write the number alone"]),
    (
        "flow.bytes.total > 5ms",
        &[
            "flow.bytes.total has no such unit",
            "                   ^^^",
            "help: its units are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB",
        ],
    ),
    (
        "flow.bytes.total > 99999999999999999999",
        &["this number is too large", "                   ^^^^^^^^^^^^^^^^^^^^"],
    ),
    ("flow.bytes.total > 9999999999TiB", &["this number is too large", "                   ^^^^^^^^^^^^^"]),
    (
        "source.port == destination.port",
        &[
            "source.port is a number, and this is an attribute",
            "               ^^^^^^^^^^^^^^^^",
            "help: attributes are compared with values, not with each other",
        ],
    ),
    (
        "source.port glob \"8*\"",
        &[
            "source.port is a number, which cannot be compared like this",
            "            ^^^^",
            "help: numbers are compared with ==, !=, <, <=, >, >= and in",
        ],
    ),
    (
        "source.address == 10.0.0",
        &[
            "source.address is an address, and this is not",
            "                  ^^^^^^",
            "help: write an address such as 192.0.2.1 or 2001:db8::1, or with in a network such as 10.0.0.0/8",
        ],
    ),
    (
        "source.address == 10.0.0.0/8",
        &["this is a network", "                  ^^^^^^^^^^", "help: write in before it"],
    ),
    (
        "source.address in 10.1.2.3/8",
        &[
            "this address has bits behind the length of its network",
            "                  ^^^^^^^^^^",
            "help: write 10.0.0.0/8, or 10.1.2.3 alone",
        ],
    ),
    (
        "source.address in ::ffff:10.1.2.3/104",
        &[
            "this address has bits behind the length of its network",
            "                  ^^^^^^^^^^^^^^^^^^^",
            "help: write 10.0.0.0/8, or 10.1.2.3 alone",
        ],
    ),
    (
        "source.address in ::ffff:10.0.0.0/40",
        &[
            "this address has bits behind the length of its network",
            "                  ^^^^^^^^^^^^^^^^^^",
            "help: write ::/40, or 10.0.0.0 alone",
        ],
    ),
    ("source.address in 10.0.0.0/33", &["the length of this network is not 0 to 32", "                  ^^^^^^^^^^^"]),
    (
        "source.address in [10.0.0.0/8..11.0.0.0/8]",
        &["a range of networks is no range", "                   ^^^^^^^^^^^^^^^^^^^^^^"],
    ),
    ("source.address in 10.0.0.1..::1", &["a range goes from IPv4 to IPv6", "               ^^"]),
    (
        "source.address < 10.0.0.1",
        &[
            "source.address is an address, which cannot be compared like this",
            "               ^",
            "help: addresses are compared with ==, != and in",
        ],
    ),
    (
        "source.address =~ \"^10\"",
        &[
            "source.address is an address, which cannot be compared like this",
            "               ^^",
            "help: addresses are compared with ==, != and in",
        ],
    ),
    (
        "network.transport == tcp",
        &["network.transport is text, which stands in quotes", "                     ^^^", "help: write \"tcp\""],
    ),
    (
        "network.transport == \"TCP\"",
        &["network.transport is never this", "                     ^^^^^", "help: did you mean \"tcp\"?"],
    ),
    (
        "network.type == \"arp\"",
        &["network.type is never this", "                ^^^^^", "help: it can be \"ipv4\", \"ipv6\""],
    ),
    (
        "network.transport < \"tcp\"",
        &[
            "network.transport is text, which cannot be compared like this",
            "                  ^",
            "help: text is compared with ==, !=, in, glob, =~ and !~",
        ],
    ),
    (
        "network.interface.name matches \"eth*\"",
        &[
            "this is no operator here",
            "                       ^^^^^^^",
            "help: write =~ (a regular expression) or glob",
        ],
    ),
    (
        "network.interface.name =~ \"eth(\"",
        &["the regular expression is wrong: unclosed group", "                          ^^^^^^"],
    ),
    (
        "network.interface.mac == \"02-00-5E-10-00-01\"",
        &[
            "this is no MAC address as they are written here",
            "                         ^^^^^^^^^^^^^^^^^^^",
            "help: lower case with colons, such as 02:00:5e:10:00:01",
        ],
    ),
    ("network.interface.name == \"eth0", &["the quote that ends this text is missing", "                          ^"]),
    (
        "flow.tcp.flags.tags == \"SYN\"",
        &[
            "flow.tcp.flags.tags is a list, which cannot be compared like this",
            "                    ^^",
            "help: write \"…\" in flow.tcp.flags.tags",
        ],
    ),
    ("\"syn\" in flow.tcp.flags.tags", &["flow.tcp.flags.tags is never this", "^^^^^", "help: did you mean \"SYN\"?"]),
    (
        "\"tcp\" in network.transport",
        &["network.transport is no list", "         ^^^^^^^^^^^^^^^^^", "help: write network.transport == …"],
    ),
    (
        "\"tcp\" == network.transport",
        &[
            "in is missing here",
            "      ^^",
            "help: text stands on the right of an attribute, or on the left of in and a list",
        ],
    ),
    (
        "has(source.k8s.pod.labels)",
        &[
            "source.k8s.pod.labels is one attribute for each key",
            "    ^^^^^^^^^^^^^^^^^^^^^",
            "help: write source.k8s.pod.labels[\"KEY\"]",
        ],
    ),
    (
        "source.k8s.pod.labels == \"web\"",
        &[
            "source.k8s.pod.labels is one attribute for each key",
            "^^^^^^^^^^^^^^^^^^^^^",
            "help: write source.k8s.pod.labels[\"KEY\"]",
        ],
    ),
    ("source.k8s.pod.labels[app] == \"web\"", &["a key in quotes is missing here", "                      ^^^"]),
    ("source.k8s.pod.labels[\"app\" == \"web\"", &["] is missing here", "                            ^^"]),
    ("source.k8s.pod.labels[\"\"] == \"web\"", &["the key is missing", "^^^^^^^^^^^^^^^^^^^^^"]),
    ("has(source.k8s.pod.labels.)", &["the key is missing", "    ^^^^^^^^^^^^^^^^^^^^^^"]),
    (
        "source.k8s.pod.labels.app == web",
        &[
            "source.k8s.pod.labels is text, which stands in quotes",
            "                             ^^^",
            "help: write \"web\"",
        ],
    ),
    (
        "source.k8s.pod.labels.app > \"web\"",
        &[
            "source.k8s.pod.labels[…] is text, which cannot be compared like this",
            "                          ^",
            "help: text is compared with ==, !=, in, glob, =~ and !~",
        ],
    ),
    (
        "source.k8s.pod.labels[\"app\"]",
        &[
            "source.k8s.pod.labels[…] is not compared with anything",
            "                            ^",
            "help: has(source.k8s.pod.labels[…]) asks whether it is known",
        ],
    ),
    (
        "\"web\" in source.k8s.pod.labels.app",
        &[
            "source.k8s.pod.labels[…] is no list",
            "         ^^^^^^^^^^^^^^^^^^^^^^^^^",
            "help: write source.k8s.pod.labels[…] == …",
        ],
    ),
    (
        "source.k8s.pod.lables.app == \"web\"",
        &["there is no such attribute", "^^^^^^^^^^^^^^^^^^^^^^^^^", "help: did you mean source.k8s.pod.labels?"],
    ),
    (
        "source.port[\"app\"] == 80",
        &[
            "source.port is not compared with anything",
            "           ^",
            "help: has(source.port) asks whether it is known",
        ],
    ),
    ("has source.port", &["( is missing here", "    ^^^^^^^^^^^"]),
    ("has(source.port", &[") is missing here", "               ^"]),
    ("source.port exists", &["this is no operator here", "            ^^^^^^", "help: write has(…)"]),
    (
        "source.port not == 80",
        &["in or glob is missing here", "                ^^", "help: otherwise not stands before the attribute"],
    ),
    ("source.port !in [80]", &["this is no operator here", "            ^", "help: write not in, or not glob"]),
    ("(source.port == 80", &[") is missing here", "                  ^"]),
    ("source.port == 80)", &["this parenthesis was not opened", "                 ^"]),
    ("source.port == 80 source.port == 81", &["and or or is missing here", "                  ^^^^^^^^^^^"]),
    (
        "source.port == 80 AND source.port == 81",
        &["and or or is missing here", "                  ^^^", "help: did you mean and?"],
    ),
    ("source.port == 80 and", &["the name of an attribute is missing here", "                     ^"]),
    ("NOT source.port == 80", &["there is no such attribute", "^^^", "help: did you mean not?"]),
    ("source.port == €5", &["this character means nothing here", "               ^", "help: text stands in quotes"]),
    (
        "\"ä→\" == 1",
        &[
            "in is missing here",
            "     ^^",
            "help: text stands on the right of an attribute, or on the left of in and a list",
        ],
    ),
];

#[test]
fn mistakes_are_shown_where_they_are() {
    let mut wrong = Vec::new();
    for (text, expected) in MISTAKES {
        let mut lines = vec![expected[0].to_owned()];
        if !text.is_empty() {
            lines.extend([format!("  {text}").trim_end().to_owned(), format!("  {}", expected[1])]);
        }
        lines.extend(expected.iter().skip(2).map(|help| (*help).to_owned()));
        let error = Filter::parse(text).expect_err(text).to_string();
        if error != lines.join("\n") {
            wrong.push(error);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn of_several_lines_the_one_with_the_mistake_is_shown() {
    let error = Filter::parse("source.port == 80\n  and source.prot == 81\n").unwrap_err();
    let expected = [
        "there is no such attribute (line 2)",
        "    and source.prot == 81",
        "        ^^^^^^^^^^^",
        "help: did you mean source.port?",
    ];
    assert_eq!(error.to_string(), expected.join("\n"));
    assert_eq!((error.message(), error.place()), ("there is no such attribute", 24..35));
    assert_eq!(error.help(), Some("did you mean source.port?"));
}

#[test]
fn long_lines_are_shown_in_part_and_control_characters_not_at_all() {
    let error = Filter::parse(&format!("{}x == \"\u{1b}[31m\"{}", "has(source.port) and ".repeat(50), " ".repeat(500)));
    let text = error.unwrap_err().to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[1].find("x == \" [31m\""), lines[2].find('^'), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 102), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn limits_are_kept() {
    let all = |term: &str, count: usize| vec![term; count].join(" and ");
    let nested =
        |open: &str, close: &str, count| format!("{}has(source.port){}", open.repeat(count), close.repeat(count));
    let list = |count: usize| format!("source.port in [{}]", vec!["1"; count].join(","));
    let regex = r#"network.interface.name =~ "a""#;
    for (within, beyond, message) in [
        (
            nested("(", ")", limits::DEPTH),
            nested("(", ")", limits::DEPTH + 1),
            "there are more than 64 parentheses and nots inside one another",
        ),
        (
            nested("not ", "", limits::DEPTH),
            nested("!", "", limits::TEXT / 2),
            "there are more than 64 parentheses and nots inside one another",
        ),
        (list(limits::VALUES), list(limits::VALUES + 1), "there are more than 8192 values"),
        (all(regex, limits::PATTERNS), all(regex, limits::PATTERNS + 1), "there are more than 32 regular expressions"),
        (
            " ".repeat(limits::TEXT - 16) + "has(source.port)",
            " ".repeat(limits::TEXT - 15) + "has(source.port)",
            "a filter has at most 64 KiB",
        ),
        (
            all("(not has(source.port))", 2000),
            "(".repeat(limits::TEXT),
            "there are more than 64 parentheses and nots inside one another",
        ),
    ] {
        assert!(Filter::parse(&within).is_ok(), "{message}");
        let error = Filter::parse(&beyond).unwrap_err();
        assert_eq!(error.message(), message);
        assert!(error.to_string().len() < 1000, "{error}");
    }
}
