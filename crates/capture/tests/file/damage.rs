//! Files that are cut short, damaged, or no captures: every frame before the place, and an error that names it.

use std::{env, fs, path::Path, process};

use flowtrace_capture::file::{Error, MAX_RECORD, Reader};

use crate::{
    build::{MICROSECONDS, Order, Pcap, Pcapng, frames, pcap_of, pcapng_of},
    read::{read, read_whole},
};

#[test]
fn a_cut_anywhere_gives_the_frames_before_it() {
    for file in [pcap_of(&frames(20)), pcapng_of(&frames(20))] {
        let whole = read_whole(&file);
        let mut clean = 0;
        for length in 1..file.len() {
            let (frames, error) = read(&file[..length]);
            assert!(whole.starts_with(&frames), "{length}");
            match error {
                None => clean += 1,
                Some(Error::NotCapture { .. }) => assert!(length < 4, "{length}"),
                Some(error) => {
                    assert!(matches!(error, Error::Truncated { .. }), "{length}: {error}");
                    assert!(error.offset().is_some_and(|offset| offset < length as u64), "{length}: {error}");
                }
            }
        }
        // Only a cut between two records cannot be seen: behind each frame but the last, and behind the headers.
        assert!((20..=21).contains(&clean), "{clean}");
    }
}

#[test]
fn a_changed_byte_anywhere_never_harms() {
    for file in [pcap_of(&frames(10)), pcapng_of(&frames(10))] {
        for place in 0..file.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut file = file.clone();
                file[place] = value;
                let (frames, _) = read(&file);
                assert!(frames.len() <= file.len() / 16);
            }
        }
    }
}

#[test]
fn damage_is_named_with_its_place() {
    let pcap = Pcap::new(Order::Little, MICROSECONDS).frame(1, 0, &[0; 60]);
    let pcapng = Pcapng::new(Order::Little).interface(1, 0, &[]).enhanced(0, 0, &[0; 60], 60);
    let end = pcapng.clone().done().len();
    let body = pcapng.body();
    let with = |bytes: &[u8]| [&pcapng.clone().done(), bytes].concat();
    let cases = [
        (pcap.clone().record([1, 0, u32::MAX, 60], &[]).done(), 100, "a packet record claims 4294967295 bytes"),
        (pcap.clone().record([1, 0, 1 << 20, 60], &[]).done(), 100, "where at most 262144 can be"),
        (pcap.clone().record([1, 0, 60, 60], &[0; 59]).done(), 100, "takes 76 bytes, but only 75 are left"),
        (Pcap::with(Order::Big, MICROSECONDS, [7, 1], 0, 1).done(), 4, "pcap version 7.1"),
        (pcap.done()[..20].to_vec(), 0, "the pcap file header here takes 24 bytes, but only 20 are left"),
        (pcapng.clone().block(6, body.clone().raw(&[0; 16])).done(), end, "a packet block with 16 bytes inside"),
        (pcapng.clone().block(2, body.clone().raw(&[0; 16])).done(), end, "a packet block with 16 bytes inside"),
        (pcapng.clone().block(3, body.clone()).done(), end, "a packet block with 0 bytes inside"),
        (pcapng.clone().block(1, body.clone().u32(1)).done(), end, "an interface described in 4 bytes"),
        (pcapng.clone().enhanced(1, 0, &[0; 60], 60).done(), end, "a packet of interface 1, which nothing describes"),
        (pcapng.clone().section(Order::Big).simple(&[], 0).done(), end + 28, "a packet of interface 0, which nothing"),
        (
            pcapng.clone().block(6, body.u32(0).u32(0).u32(0).u32(61).u32(61).raw(&[0; 60])).done(),
            end,
            "a packet claims 61 bytes in a block with room for 60",
        ),
        (with(&[6, 0, 0, 0, 8, 0, 0, 0, 1, 1, 1, 1]), end, "a block claims 8 bytes, where 12 are the least"),
        (with(&[6, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), end, "a block claims 4294967296 bytes, where at most 16777216"),
        (
            with(&[9, 0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0]),
            end,
            "a block claims 12 bytes at its beginning and 16 at its end",
        ),
        (with(&[1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]), end, "20 bytes at its beginning and 9"),
        (
            with(&[9, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1]),
            end,
            "the block here takes 4294967296 bytes, but only 9 are left",
        ),
        (
            with(&[10, 13, 13, 10, 28, 0, 0, 0, 1, 2, 3, 4]),
            end,
            "a section whose byte order is written as [01, 02, 03, 04]",
        ),
        (with(&[10, 13, 13, 10, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 2, 0, 1, 0]), end, "pcapng version 2.1"),
    ];
    for (bytes, offset, expected) in cases {
        let (frames, error) = read(&bytes);
        let error = error.unwrap();
        assert!(error.is_damage(), "{error}");
        assert_eq!(frames.len(), usize::from(offset > 4), "{error}");
        assert_eq!(error.offset(), Some(offset as u64), "{error}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("test: byte {offset}: the file is ")), "{text}");
        assert!(text.contains(expected), "{text} should contain {expected}");
    }
}

#[test]
fn the_number_of_interfaces_is_bounded() {
    let mut file = Pcapng::new(Order::Little);
    let begin = file.clone().done().len();
    for _ in 0..=1 << 16 {
        file = file.interface(1, 0, &[]);
    }
    let error = read(&file.done()).1.unwrap();
    assert_eq!(error.offset(), Some((begin + (1 << 16) * 20) as u64));
    assert!(error.to_string().contains("more than 65536 interfaces"), "{error}");
}

#[test]
fn what_is_no_capture_is_called_so() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "test is not a capture: it is empty. Formats read: pcap, pcapng; plain, gzip or zstd"),
        (b"{", "test is not a capture: it begins with the bytes 7b."),
        (b"GET / HTTP/1.1", "test is not a capture: it begins with the bytes 47 45 54 20 2f 20 48 54."),
        (&[0xd4, 0xc3], "it begins with the bytes d4 c3."),
        (&[0x0a, 0x0d, 0x0d, 0x0a, 1, 1, 1, 1, 2, 2, 2, 2], "begins with the bytes 0a 0d 0d 0a 01 01 01 01."),
        (&[0xff; 100], "begins with the bytes ff ff ff ff ff ff ff ff."),
    ];
    for (bytes, expected) in cases {
        let error = read(bytes).1.unwrap();
        assert!(!error.is_damage() && error.offset().is_none());
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn files_that_cannot_be_opened() {
    let folder = env::temp_dir();
    for path in [Path::new("no/such.pcap"), &folder] {
        let error = Reader::open(path).err().unwrap();
        assert!(matches!(error, Error::Open { .. }) && !error.is_damage(), "{error}");
        let expected = format!("cannot open {}: ", path.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[test]
fn a_file_knows_its_size() {
    let path = env::temp_dir().join(format!("flowtrace-size-{}.pcap", process::id()));
    let bytes = pcap_of(&frames(9));
    fs::write(&path, &bytes).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    while reader.next().unwrap().is_some() {}
    assert_eq!(reader.size(), Some(bytes.len() as u64));
    assert_eq!(reader.bytes_read(), bytes.len() as u64);
}

#[test]
fn the_bound_is_what_the_documentation_says() {
    assert_eq!(MAX_RECORD, 16 << 20);
}
