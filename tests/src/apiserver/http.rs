//! HTTP/1.1, as much as a server of lists and watches needs.

use std::collections::HashMap;
use std::io::{BufRead, Read, Write};

/// A request's head.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) target: String,
    headers: HashMap<String, String>,
}

impl Request {
    /// The next one of a connection; none at its end.
    pub(super) fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut lines = from.take(64 << 10).lines().map_while(Result::ok);
        let target = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        });
        Some(Self { target, headers: headers.collect() })
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        let mut decoded = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once('%') {
            decoded.push_str(before);
            decoded.push(char::from(u8::from_str_radix(&after[..2], 16).unwrap()));
            rest = &after[2..];
        }
        Some(decoded + rest)
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("Content-Type".into(), "application/json".into())], body }
    }

    /// Status line and headers; the body's length, or `chunked` where it is not known.
    pub(super) fn head(&self, length: Option<usize>) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Answer\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = match length {
            Some(length) => write!(head, "Content-Length: {length}\r\n\r\n"),
            None => write!(head, "Transfer-Encoding: chunked\r\n\r\n"),
        };
        head
    }
}

/// A piece of a body whose length is not known; the empty one is its end.
pub(super) fn chunk(piece: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
}
