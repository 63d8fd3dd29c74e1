//! How a checkpoint is written: what stands in the file, byte by byte, and how damage is noticed.
//!
//! ```text
//! "imaboard-fold-1\n"                       16 bytes
//! u32 length of the header                  big-endian
//! header                                    JSON, see [`Header`]
//! body                                      one LZ4 frame of MessagePack: [`Folded`], structs as maps with named fields
//! SHA-256 of everything before              32 bytes
//! ```
//!
//! MessagePack names its fields, because the domain leaves out what is empty. *Invariant:* nothing of a file is believed before its
//! SHA-256 was compared; and neither writing nor reading holds the packed bytes as a whole, or more than 8 MB of the unpacked ones.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use jiff::Timestamp;
use lz4_flex::frame::{FrameDecoder, FrameEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Unusable;
use crate::fold::Folded;

const MAGIC: &[u8; 16] = b"imaboard-fold-1\n";

/// Of what this program makes of a log; see `build.rs`.
pub(super) const FINGERPRINT: &str = env!("FOLD_FINGERPRINT");

/// A header is below 400 bytes; a damaged length must not fetch the whole file into memory.
const MOST_HEADER_BYTES: u32 = 4_096;

const SEAL_BYTES: u64 = 32;

/// Between two looks at how much room is left on the disk.
const BYTES_BETWEEN_LOOKS: u64 = 4 << 20;

const BUFFER_BYTES: usize = 1 << 16;

/// What is unpacked at once, because reading value by value from a stream takes longer: with the benchmarks' city of 600 facilities
/// after a year (1.1 MB packed) a start took 112 ms instead of 121.
pub(super) const MOST_UNPACKED_BYTES: usize = 8 << 20;

/// What a checkpoint is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Which fold made it: an opaque word that changes with the program.
    pub fold: String,
    /// Of which run of history.
    pub epoch: String,
    /// Of which position.
    pub seq: u64,
    /// The hash of the entry there, hexadecimal: proves that the log is the one it was made from.
    pub hash: String,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Writes through, and keeps count and hash of what went by.
struct Sealing<'a, W> {
    inner: W,
    sha: Sha256,
    bytes: u64,
    looked_at_bytes: u64,
    ensure_room: &'a mut dyn FnMut() -> io::Result<()>,
}

impl<W: Write> Write for Sealing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha.update(&bytes[..written]);
        self.bytes += written as u64;
        if self.bytes - self.looked_at_bytes >= BYTES_BETWEEN_LOOKS {
            self.looked_at_bytes = self.bytes;
            (self.ensure_room)()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a checkpoint and gives its size; `ensure_room` is asked now and then and may stop it.
pub(super) fn write(
    file: impl Write,
    header: &Header,
    folded: &Folded,
    ensure_room: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<u64> {
    ensure_room()?;
    let mut sealing = Sealing {
        inner: BufWriter::with_capacity(BUFFER_BYTES, file),
        sha: Sha256::new(),
        bytes: 0,
        looked_at_bytes: 0,
        ensure_room,
    };
    let header = serde_json::to_vec(header)?;
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    sealing.write_all(MAGIC)?;
    sealing.write_all(&length.to_be_bytes())?;
    sealing.write_all(&header)?;
    // The packer takes a step per write, and MessagePack writes a byte at a time.
    let packer = BufWriter::with_capacity(BUFFER_BYTES, FrameEncoder::new(&mut sealing));
    let mut serializer = rmp_serde::Serializer::new(packer).with_struct_map();
    folded.serialize(&mut serializer).map_err(io::Error::other)?;
    let packer = serializer.into_inner().into_inner().map_err(io::IntoInnerError::into_error)?;
    packer.finish().map_err(io::Error::other)?;
    let Sealing { mut inner, sha, bytes, .. } = sealing;
    inner.write_all(&sha.finalize())?;
    inner.flush()?;
    Ok(bytes + SEAL_BYTES)
}

/// What the head of a file says it is. Only to be believed after [`read`] or [`ensure_sealed`].
pub(super) fn read_header(file: &mut impl Read) -> Result<Header, Unusable> {
    let mut start = [0; MAGIC.len() + 4];
    file.read_exact(&mut start)?;
    let (magic, length) = start.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(Unusable::OtherVersion);
    }
    let length = length.try_into().map_or(u32::MAX, u32::from_be_bytes);
    if length > MOST_HEADER_BYTES {
        return Err(Unusable::damaged("the header is too long"));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header)?;
    serde_json::from_slice(&header).map_err(Unusable::damaged)
}

/// Compares the whole file with its seal; afterwards the file stands at its start.
pub(super) fn ensure_sealed(file: &mut File) -> Result<u64, Unusable> {
    let bytes = file.metadata()?.len();
    let Some(sealed) = bytes.checked_sub(SEAL_BYTES) else {
        return Err(Unusable::damaged("it was cut off"));
    };
    file.rewind()?;
    let mut sha = Sha256::new();
    let mut rest = BufReader::with_capacity(BUFFER_BYTES, &mut *file).take(sealed);
    let hashed = io::copy(&mut rest, &mut HashInto(&mut sha))?;
    let mut seal = Vec::new();
    rest.into_inner().read_to_end(&mut seal)?;
    if hashed != sealed || sha.finalize().as_slice() != seal.as_slice() {
        return Err(Unusable::damaged("its seal does not fit"));
    }
    file.rewind()?;
    Ok(bytes)
}

struct HashInto<'a>(&'a mut Sha256);

impl Write for HashInto<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a checkpoint whose seal fits.
pub(super) fn read(file: &mut File) -> Result<(Header, Folded), Unusable> {
    let bytes = ensure_sealed(file)?;
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file.take(bytes - SEAL_BYTES));
    let header = read_header(&mut reader)?;
    let mut packed = FrameDecoder::new(reader);
    let mut unpacked = Vec::new();
    packed.by_ref().take(MOST_UNPACKED_BYTES as u64).read_to_end(&mut unpacked)?;
    let folded: Folded = if unpacked.len() < MOST_UNPACKED_BYTES {
        rmp_serde::from_slice(&unpacked)
    } else {
        let rest = BufReader::with_capacity(BUFFER_BYTES, packed);
        rmp_serde::from_read(unpacked.as_slice().chain(rest))
    }
    .map_err(Unusable::damaged)?;
    if folded.board.position() != header.seq {
        return Err(Unusable::damaged("board and header stand at different positions"));
    }
    Ok((header, folded))
}
