//! Passes bytes on as they come, first of all, and has them recorded after.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::sync::OnceLock;
use std::time::Instant;

use super::STRAGGLERS;
use super::record::Tape;

/// Bytes that are passed on at once.
const CHUNK: usize = 64 << 10;

/// One of the command's streams.
pub(super) struct Pipe {
    pub(super) from: PipeReader,
    pub(super) to: File,
    /// Which one: lines of one are not torn by the other's.
    pub(super) stream: usize,
    /// Whether it ends in our standard error.
    pub(super) to_err: bool,
}

/// What there is to tell of a stream.
pub(super) struct Copied {
    /// When the last bytes came.
    pub(super) last: Option<Instant>,
    /// Whether the one who reads went away.
    pub(super) unread: bool,
    /// What could not be passed on, and why.
    pub(super) fault: Option<String>,
    pub(super) to_err: bool,
    pub(super) mid_line: bool,
}

/// Copies until the stream's end, or until the command has ended and only a process it left behind still holds the stream.
pub(super) fn copy(pipe: Pipe, tape: &Tape, ended: &OnceLock<Instant>) -> Copied {
    let Pipe { mut from, mut to, stream, to_err } = pipe;
    let mut copied = Copied { last: None, unread: false, fault: None, to_err, mid_line: false };
    let mut buffer = vec![0; CHUNK];
    // What the pipe held when the command had ended: all of that is the command's own, however slowly it is read.
    let mut owed = None;
    loop {
        if let Some(at) = ended.get() {
            let owed = owed.get_or_insert_with(|| held(&from));
            if *owed == 0 && at.elapsed() >= STRAGGLERS {
                break;
            }
        }
        if !comes(&from, ended.get()) {
            continue;
        }
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        match pass(&mut to, bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // Our end is closed with us, so that the command hears of it as it would without us.
                copied.unread = true;
                break;
            }
            // The command is not ended for a full disk: what is to come may find room again.
            Err(error) => {
                copied.fault.get_or_insert_with(|| format!("some of the command's output was not passed on: {error}"));
            }
        }
        copied.last = Some(tape.record(stream, bytes));
        copied.mid_line = !bytes.ends_with(b"\n");
        owed = owed.map(|owed| owed.saturating_sub(count as u64));
    }
    copied
}

fn pass(to: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Who shares our output may have told it not to wait.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_for_room(to),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io::PipeReader;
    use std::os::fd::AsFd;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::STRAGGLERS;

    /// How often a silent stream looks whether the command has ended.
    const LOOK: Duration = Duration::from_millis(250);
    /// Bytes that may wait for us, so that the command seldom does.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const WIDTH: usize = 256 << 10;

    fn ready(file: &impl AsFd, what: PollFlags, patience: Duration) -> bool {
        let patience = Timespec::try_from(patience).ok();
        let mut files = [PollFd::new(file, what)];
        // What cannot be asked is tried.
        poll(&mut files, patience.as_ref()).map_or_else(|error| error != rustix::io::Errno::INTR, |count| count > 0)
    }

    /// Whether a read would not wait: there are bytes, or the end.
    pub(in super::super) fn comes(from: &PipeReader, ended: Option<&Instant>) -> bool {
        let left = ended.map_or(LOOK, |at| STRAGGLERS.saturating_sub(at.elapsed()));
        ready(from, PollFlags::IN, left.min(LOOK))
    }

    pub(in super::super) fn wait_for_room(to: &File) {
        ready(to, PollFlags::OUT, LOOK);
    }

    /// The bytes that wait in a pipe.
    pub(in super::super) fn held(from: &PipeReader) -> u64 {
        rustix::io::ioctl_fionread(from).unwrap_or_default()
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(in super::super) fn widened(pipe: PipeReader) -> PipeReader {
        // Users have a share of such memory; without it the pipe is as wide as ever.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, WIDTH);
        pipe
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(in super::super) fn widened(pipe: PipeReader) -> PipeReader {
        pipe
    }

    /// Whether both lead to the same file, pipe or terminal.
    pub(in super::super) fn same_place(one: &File, other: &File) -> bool {
        let place = |file: &File| rustix::fs::fstat(file).ok().map(|stat| (stat.st_dev, stat.st_ino));
        place(one).is_some_and(|found| Some(found) == place(other))
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::File;
    use std::io::PipeReader;
    use std::thread;
    use std::time::{Duration, Instant};

    pub(in super::super) fn comes(_: &PipeReader, _: Option<&Instant>) -> bool {
        true
    }

    pub(in super::super) fn wait_for_room(_: &File) {
        thread::sleep(Duration::from_millis(1));
    }

    pub(in super::super) fn held(_: &PipeReader) -> u64 {
        0
    }

    pub(in super::super) fn widened(pipe: PipeReader) -> PipeReader {
        pipe
    }

    pub(in super::super) fn same_place(_: &File, _: &File) -> bool {
        false
    }
}

use system::{comes, held, wait_for_room};
pub(super) use system::{same_place, widened};
