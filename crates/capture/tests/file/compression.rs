//! gzip and zstd are recognised by content and read to the last good byte.

use std::io::{self, Read, Write};

use flate2::{GzBuilder, write::GzEncoder};
use flowtrace_capture::file::{Error, Reader};

use crate::{
    build::{frames, pcap_of, pcapng_of},
    read::{drain, read, read_whole},
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzip_with_all_fields(bytes: &[u8]) -> Vec<u8> {
    let builder = GzBuilder::new().filename("a.pcap").comment("comment").extra(vec![1; 300]);
    let mut encoder = builder.write(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Two compressed pieces, one behind the other.
fn pieces(compress: fn(&[u8]) -> Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    let (first, second) = bytes.split_at(bytes.len() / 3);
    [compress(first), compress(second)].concat()
}

fn skippable(bytes: &[u8]) -> Vec<u8> {
    [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &zstd(bytes)[..]].concat()
}

/// Frames that do not compress well, so that a file has several blocks.
fn noise(count: usize, length: usize) -> Vec<Vec<u8>> {
    let mut state = 1u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 26) as u8
    };
    (0..count).map(|_| (0..length).map(|_| byte()).collect()).collect()
}

#[test]
fn compressed_captures_read_like_plain_ones() {
    for plain in [pcap_of(&frames(50)), pcapng_of(&frames(50)), pcap_of(&noise(500, 1400)), pcap_of(&[])] {
        let expected = read_whole(&plain);
        let padded = [gzip(&plain), vec![0; 100_000]].concat();
        let cases = [
            gzip(&plain),
            gzip_with_all_fields(&plain),
            pieces(gzip, &plain),
            padded,
            zstd(&plain),
            pieces(zstd, &plain),
            skippable(&plain),
            [zstd(&plain), zstd(&[])].concat(),
        ];
        for (number, compressed) in cases.iter().enumerate() {
            assert_eq!(read_whole(compressed), expected, "case {number}");
        }
    }
}

/// Cut anywhere, both decoders give every frame that the bytes before the cut hold.
#[test]
fn a_cut_anywhere_keeps_the_frames_before() {
    let plain = pcap_of(&frames(40));
    let whole = read_whole(&plain);
    for compressed in [gzip(&plain), zstd(&plain), pieces(gzip, &plain), pieces(zstd, &plain)] {
        for length in 0..compressed.len() {
            let (frames, error) = read(&compressed[..length]);
            assert!(whole.starts_with(&frames), "{length}");
            // A cut between two pieces is a cut of the capture, and may even fall between two records.
            assert!(error.is_some() || frames.len() < whole.len(), "{length}");
        }
    }
}

/// Compresses the parts one by one. Returns the file and where in it each part begins.
fn in_parts<W: Write>(mut encoder: W, parts: &[&[u8]], written: fn(&W) -> &Vec<u8>) -> (Vec<u8>, Vec<usize>) {
    let mut begins = Vec::new();
    for part in parts {
        encoder.flush().unwrap();
        begins.push(written(&encoder).len());
        encoder.write_all(part).unwrap();
    }
    encoder.flush().unwrap();
    (written(&encoder).clone(), begins)
}

/// Small parts, so that one call of a decoder could take several of them at once; then a block of a kind that does not
/// exist. Every frame that ends before it must come.
#[test]
fn nothing_before_a_damage_is_lost() {
    let plain = pcap_of(&noise(50, 100));
    let parts: Vec<&[u8]> = plain.chunks(1000).collect();
    let gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zstd = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    let cases = [
        // Both have the kind of a block in bits 1 and 2 of its first byte; 3 is none (RFC 1951 3.2.3, RFC 8878 3.1.1.2.2).
        ("gzip", in_parts(gzip, &parts, GzEncoder::get_ref)),
        ("zstd", in_parts(zstd, &parts, zstd::stream::Encoder::get_ref)),
    ];
    for (name, (compressed, begins)) in cases {
        for (number, begin) in begins.into_iter().enumerate().skip(1) {
            let mut damaged = compressed.clone();
            damaged[begin] |= 6;
            let (frames, error) = read(&damaged);
            assert!(matches!(error, Some(Error::Damaged { .. })), "{name} {number}: {error:?}");
            let (expected, _) = read(&plain[..number * 1000]);
            assert_eq!(frames, expected, "{name} {number}");
        }
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let plain = pcap_of(&frames(3));
    let mut checksum = gzip(&plain);
    let end = checksum.len();
    checksum[end - 6] ^= 1;
    let mut length = gzip(&plain);
    length[end - 1] ^= 1;
    let cases = [
        (gzip(&plain[..60]), "test: byte 40 of what gzip decompresses to: the file is cut short: the packet record"),
        (zstd(&plain[..60]), "test: byte 40 of what zstd decompresses to: the file is cut short: the packet record"),
        (gzip(&plain)[..end - 10].to_vec(), "the compressed data end before their own end"),
        (checksum, "the checksum of the gzip member does not fit"),
        (length, "the length of the gzip member does not fit"),
        ([gzip(&plain), vec![7; 20]].concat(), "neither a gzip member nor zeros"),
        ([gzip(&plain), vec![0, 0, 7]].concat(), "neither a gzip member nor zeros"),
        ([zstd(&plain), vec![7; 20]].concat(), "the compressed data are corrupt"),
        (gzip(b"hello, world"), "test is not a capture: its gzip content begins with the bytes 68 65 6c 6c"),
        (gzip(b""), "test is not a capture: its gzip content is empty"),
        (gzip(&zstd(&plain)), "test is not a capture"),
    ];
    for (bytes, expected) in cases {
        let text = read(&bytes).1.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains(expected), "{text} should contain {expected}");
    }
}

/// Gives its bytes in small pieces, as pipes do, and then fails.
struct Pipe {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
    fails: bool,
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() && self.fails {
            return Err(io::Error::other("the disk is on fire"));
        }
        let length = self.step.min(out.len()).min(self.bytes.len() - self.at);
        out[..length].copy_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[test]
fn input_may_come_in_pieces_and_fail() {
    let plain = pcapng_of(&frames(30));
    let expected = read_whole(&plain);
    for bytes in [plain.clone(), gzip(&plain), zstd(&plain)] {
        for step in [1, 2, 3, 7, 1000] {
            for fails in [false, true] {
                let size = bytes.len() as u64;
                let pipe = Pipe { bytes: bytes.clone(), at: 0, step, fails };
                let mut reader = Reader::new(Box::new(pipe), "pipe".into()).unwrap();
                let (frames, error) = drain(&mut reader);
                assert_eq!(frames, expected, "{step}");
                assert_eq!(matches!(error, Some(Error::Read { .. })), fails, "{error:?}");
                assert_eq!((reader.bytes_read(), reader.size()), (size, None));
            }
        }
    }
}
