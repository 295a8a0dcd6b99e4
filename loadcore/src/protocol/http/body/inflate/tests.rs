//! Tests of inflating: whatever was compressed comes back, and whatever else comes is named.

use super::*;
use crate::protocol::http::body::Encoding;
use crate::protocol::http::body::compress::compress;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use http::HeaderValue;
use http::header::CONTENT_ENCODING;
use proptest::prelude::*;
use std::io::Write as _;

const MIB: usize = 1 << 20;

fn headers(encodings: &[Encoding]) -> HeaderMap {
    let names: Vec<_> = encodings.iter().map(|encoding| encoding.name()).collect();
    HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_str(&names.join(", ")).unwrap())])
}

fn compressed(encodings: &[Encoding], body: &[u8]) -> Vec<u8> {
    encodings.iter().fold(body.to_vec(), |body, encoding| compress(*encoding, &body).unwrap())
}

/// A whole body, as `send` does it.
fn whole(encodings: &[Encoding], body: impl Into<Bytes>, most: usize) -> Result<Bytes, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(inflate(&headers(encodings), body.into(), most));
    outcome.map_err(|failure| {
        assert_eq!(failure.kind, ErrorKind::Decompression);
        failure.detail.unwrap()
    })
}

/// A body that comes in pieces.
fn streamed(encodings: &[Encoding], pieces: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let mut inflater = Inflater::of(&headers(encodings))?.unwrap();
    let mut body = Vec::new();
    for piece in pieces {
        inflater.feed(Bytes::copy_from_slice(piece));
        while let Some(piece) = inflater.piece()? {
            body.extend_from_slice(&piece);
        }
    }
    inflater.end();
    while let Some(piece) = inflater.piece()? {
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Text that compresses well, and noise that does not.
fn sample(len: usize) -> Vec<u8> {
    let mut noise = 1_u64;
    let mut next = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (noise >> 56) as u8
    };
    (0..len).map(|i| if i % 3_000 < 2_000 { b"what a load "[i % 12] } else { next() }).collect()
}

#[test]
fn whatever_was_compressed_comes_back() {
    let body = sample(400_000);
    for encoding in Encoding::ALL {
        for len in [0, 1, 100, 70_000, body.len()] {
            let sent = compressed(&[encoding], &body[..len]);
            assert_eq!(whole(&[encoding], sent, len.max(1)).unwrap(), &body[..len], "{encoding} {len}");
        }
        for other in Encoding::ALL {
            let sent = compressed(&[encoding, other], &body[..150_000]);
            assert!(whole(&[encoding, other], sent, MIB).unwrap() == body[..150_000], "{encoding}, {other}");
        }
    }
}

#[test]
fn deflate_is_read_in_the_raw_format_too() {
    for level in [Compression::none(), Compression::fast(), Compression::best()] {
        for body in [&b"a"[..], b"some text, some text", &sample(300_000)] {
            let mut encoder = DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(body).unwrap();
            let sent = encoder.finish().unwrap();
            assert_eq!(whole(&[Encoding::Deflate], sent, MIB).unwrap(), body);
        }
    }
}

#[test]
fn several_members_are_one_body() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let mut sent = compressed(&[encoding], b"one, ");
        sent.extend(compressed(&[encoding], b""));
        if encoding == Encoding::Zstd {
            // A frame to be skipped.
            sent.extend_from_slice(b"\x55\x2a\x4d\x18\x03\0\0\0abc");
        }
        sent.extend(compressed(&[encoding], b"two"));
        assert_eq!(whole(&[encoding], sent, MIB).unwrap(), "one, two", "{encoding}");
    }
}

#[test]
fn a_body_that_is_cut_anywhere_is_an_error() {
    let body = sample(5_000);
    for encoding in Encoding::ALL {
        let sent = compressed(&[encoding], &body);
        for cut in 1..sent.len() {
            let error = whole(&[encoding], sent[..cut].to_vec(), MIB).unwrap_err();
            assert!(error.starts_with(encoding.name()), "{encoding} cut at {cut}: {error}");
        }
    }
    // What has no body has none to be cut.
    assert_eq!(whole(&[Encoding::Gzip], "", MIB).unwrap(), "");
}

/// A body as a server sends it that flushes after each word.
fn flushed(encoding: Encoding, words: &[&str]) -> Vec<Vec<u8>> {
    fn through<W: std::io::Write>(
        mut writer: W,
        words: &[&str],
        sent: impl Fn(&W) -> Vec<u8>,
    ) -> Vec<Vec<u8>> {
        let mut all = 0;
        let send = |word: &&str| {
            writer.write_all(word.as_bytes()).unwrap();
            writer.flush().unwrap();
            let piece = sent(&writer).split_off(all);
            all += piece.len();
            piece
        };
        words.iter().map(send).collect()
    }
    match encoding {
        Encoding::Gzip => {
            let writer = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
            through(writer, words, |writer| writer.get_ref().clone())
        }
        Encoding::Deflate => {
            let writer = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
            through(writer, words, |writer| writer.get_ref().clone())
        }
        Encoding::Brotli => {
            let writer = ::brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            through(writer, words, |writer| writer.get_ref().clone())
        }
        Encoding::Zstd => {
            // Blocks that are not compressed, with a window of 2 MiB.
            let mut pieces: Vec<_> = words
                .iter()
                .map(|word| [&(word.len() as u32 * 8).to_le_bytes()[..3], word.as_bytes()].concat())
                .collect();
            pieces[0].splice(0..0, [0x28, 0xb5, 0x2f, 0xfd, 0, (21 - 10) << 3]);
            pieces
        }
    }
}

#[test]
fn what_a_server_has_flushed_is_read_before_more_comes() {
    for encoding in Encoding::ALL {
        let words = ["a", "first event\n", "another event\n", "a"];
        let mut inflater = Inflater::of(&headers(&[encoding])).unwrap().unwrap();
        for (word, piece) in words.iter().zip(flushed(encoding, &words)) {
            inflater.feed(piece.into());
            let mut read = Vec::new();
            while let Some(piece) = inflater.piece().unwrap() {
                read.extend_from_slice(&piece);
            }
            assert_eq!(String::from_utf8(read).unwrap(), *word, "{encoding}");
        }
    }
}

#[test]
fn a_body_that_goes_on_without_giving_anything_ends() {
    // A million gzip members with nothing in them, or zstd frames to be skipped, in a few KiB.
    for (encoding, nothing) in [
        (Encoding::Gzip, compressed(&[Encoding::Gzip], b"")),
        (Encoding::Zstd, b"\x55\x2a\x4d\x18\0\0\0\0".to_vec()),
    ] {
        let sent = compressed(&[Encoding::Gzip], &nothing.repeat(1_000_000));
        let begun = std::time::Instant::now();
        let error = whole(&[encoding, Encoding::Gzip], sent, MIB).unwrap_err();
        assert!(error.contains("gives nothing"), "{error}");
        assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    }
}

#[test]
fn small_pieces_take_little_memory() {
    let mut inflater = Inflater::of(&headers(&[Encoding::Gzip])).unwrap().unwrap();
    inflater.feed(flushed(Encoding::Gzip, &["an event"])[0].clone().into());
    let piece = inflater.piece().unwrap().unwrap();
    assert!(Vec::from(piece).capacity() < 1_000);
}

#[test]
fn what_is_not_compressed_at_all_is_an_error() {
    for encoding in Encoding::ALL {
        let error = whole(&[encoding], "{\"plain\": \"text that nobody has compressed\"}", MIB).unwrap_err();
        assert!(error.contains("corrupt") || error.contains("cut short"), "{encoding}: {error}");
    }
}

#[test]
fn a_flipped_bit_is_found_where_there_is_a_checksum() {
    let body = b"a body with a checksum";
    let mut zstd = ::zstd::Encoder::new(Vec::new(), 0).unwrap();
    zstd.include_checksum(true).unwrap();
    zstd.write_all(body).unwrap();
    for (encoding, sent) in [
        (Encoding::Gzip, compressed(&[Encoding::Gzip], body)),
        (Encoding::Deflate, compressed(&[Encoding::Deflate], body)),
        (Encoding::Zstd, zstd.finish().unwrap()),
    ] {
        let mut wrong = sent.clone();
        // The checksum stands at the end; gzip's length comes after it.
        let at = sent.len() - if encoding == Encoding::Gzip { 6 } else { 2 };
        wrong[at] ^= 1;
        assert_eq!(whole(&[encoding], sent, MIB).unwrap(), &body[..]);
        assert!(whole(&[encoding], wrong, MIB).is_err(), "{encoding}");
    }
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let mut bomb = vec![0; 16 * MIB];
    for encodings in
        [&[Encoding::Gzip][..], &[Encoding::Brotli], &[Encoding::Zstd], &[Encoding::Gzip, Encoding::Gzip]]
    {
        let sent = compressed(encodings, &bomb);
        assert!(sent.len() < MIB);
        let error = whole(encodings, sent, MIB).unwrap_err();
        assert!(error.contains("more than 1048576 bytes; Http::max_inflated_body"), "{error}");
    }
    // Exactly as much is not too much.
    bomb.truncate(MIB);
    let sent = compressed(&[Encoding::Gzip], &bomb);
    assert_eq!(whole(&[Encoding::Gzip], sent.clone(), MIB).unwrap().len(), MIB);
    assert!(whole(&[Encoding::Gzip], sent, MIB - 1).is_err());
}

#[test]
fn no_window_is_larger_than_the_standard_allows() {
    // A frame that asks for 16 MiB, and one for 8.
    let frame = |window: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, window, 0x01, 0, 0].to_vec();
    assert!(whole(&[Encoding::Zstd], frame((24 - 10) << 3), MIB).unwrap_err().contains("window"));
    assert_eq!(whole(&[Encoding::Zstd], frame((23 - 10) << 3), MIB).unwrap(), "");
    // brotli's large windows are no `br`.
    assert!(whole(&[Encoding::Brotli], vec![0x11, 0x1e, 0x03], MIB).is_err());
}

#[test]
fn encodings_are_not_piled_up_without_end() {
    let error = whole(&[Encoding::Gzip; 5], "x", MIB).unwrap_err();
    assert!(error.contains("5 encodings"), "{error}");
}

#[test]
fn others_get_their_turn_while_much_is_inflated() {
    let sent: Bytes = compressed(&[Encoding::Gzip], &vec![0; 4 * MIB]).into();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let turns = runtime.block_on(async {
        let headers = headers(&[Encoding::Gzip]);
        let mut inflating = std::pin::pin!(inflate(&headers, sent, 4 * MIB));
        let mut turns = 0;
        std::future::poll_fn(|cx| {
            turns += 1;
            inflating.as_mut().poll(cx)
        })
        .await
        .unwrap();
        turns
    });
    // Never more than two pieces at a time.
    assert!(turns >= 4 * MIB / (2 * PIECE), "{turns} turns");
}

proptest! {
    #[test]
    fn it_does_not_matter_how_a_body_is_split(
        encodings in prop::collection::vec(prop::sample::select(&Encoding::ALL[..]), 1..3),
        len in 0_usize..200_000,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let body = sample(len);
        let sent = compressed(&encodings, &body);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(sent.len() + 1)).chain([0, sent.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|cut| &sent[cut[0]..cut[1]]).collect();
        prop_assert!(streamed(&encodings, &pieces).unwrap() == body);
    }

    #[test]
    fn noise_is_an_error_or_a_body_but_never_a_panic(
        encoding in prop::sample::select(&Encoding::ALL[..]),
        noise in prop::collection::vec(any::<u8>(), 1..2_000),
        at in any::<prop::sample::Index>(),
    ) {
        let _ = whole(&[encoding], noise.clone(), MIB);
        let mut sent = compressed(&[encoding], &sample(3_000));
        let at = at.index(sent.len());
        let end = sent.len().min(at + noise.len() % 16);
        sent[at..end].copy_from_slice(&noise[..(end - at).min(noise.len())].repeat(16)[..end - at]);
        let _ = whole(&[encoding], sent, MIB);
    }
}
