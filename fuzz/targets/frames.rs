//! Streams of rows of arbitrary bytes: both readers agree, and what is read prints back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringway_cluster::{Frame, FrameError, FrameReader, count_frames};

fuzz_target!(|bytes: &[u8]| {
    let read = |piece: usize| -> Result<Vec<Frame>, FrameError> {
        let mut reader = FrameReader::new(1 << 16);
        let mut frames = Vec::new();
        for piece in bytes.chunks(piece) {
            reader.push(piece);
            while let Some(frame) = reader.next_frame()? {
                frames.push(frame);
            }
        }
        reader.finish().map(|()| frames)
    };
    let whole = read(bytes.len().max(1));
    assert_eq!(whole, read(7));
    let Ok(frames) = whole else { return };
    let mut printed = Vec::new();
    for frame in &frames {
        match frame {
            Frame::Row(row) => row.encode(&mut printed),
            Frame::End(end) => end.encode(&mut printed),
        }
    }
    let (rows, end) = count_frames(bytes).expect("what one reader takes, the other takes");
    assert_eq!(rows + 1, frames.len() as u64);
    assert_eq!(frames.last(), Some(&Frame::End(end)));
    // An end frame without a cursor may carry a position, which nobody reads.
    if matches!(frames.last(), Some(Frame::End(end)) if end.cursor.is_some()) {
        assert_eq!(printed, bytes);
    }
});
