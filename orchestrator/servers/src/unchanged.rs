//! Whether a reload has changed what it should have: by the checksums of a server that has them, before
//! and after. What they are of is the server's own (it joins tensors), so they are compared with each
//! other only.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use retrial_protocol::WeightVersion;

use crate::control::Control;

/// A server's checksum before a reload that should change it.
pub struct Before(Option<String>);

impl Before {
    /// Nothing is known of one that has the version already, or no checksums.
    pub async fn of(server: &dyn Control, version: WeightVersion) -> Self {
        let checksum = server.checksum().await;
        let has = match &checksum {
            Some(_) => server.label().await.ok(),
            None => None,
        };
        Self(checksum.filter(|_| has.is_some_and(|label| label != version.to_string())))
    }

    /// The checksum, if the reload has left it as it was although the files of `folder` are not those
    /// of `previous`.
    pub async fn still_there(
        self,
        server: &dyn Control,
        folder: &Path,
        previous: Option<&Path>,
    ) -> Option<String> {
        let (before, previous) = (self.0?, previous?.to_owned());
        if server.checksum().await? != before {
            return None;
        }
        let folder = folder.to_owned();
        let differ = tokio::task::spawn_blocking(move || differ(&folder, &previous));
        matches!(differ.await, Ok(Ok(true))).then_some(before)
    }
}

/// Whether the tensors of two folders differ. Files are read to their first difference.
fn differ(one: &Path, other: &Path) -> io::Result<bool> {
    let files = weights(one)?;
    if files.is_empty() || weights(other)? != files {
        return Err(io::ErrorKind::NotFound.into());
    }
    for name in files {
        let (mut one, mut other) = (tensors(&one.join(&name))?, tensors(&other.join(&name))?);
        let (mut here, mut there) = (vec![0; 1 << 20], vec![0; 1 << 20]);
        loop {
            let read = one.read(&mut here)?;
            if read == 0 {
                break;
            }
            other.read_exact(&mut there[..read])?;
            if here[..read] != there[..read] {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The names of a folder's files of weights.
fn weights(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        let name = PathBuf::from(entry?.file_name());
        if name.extension().is_some_and(|extension| extension == "safetensors") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A file of weights behind its header, which may have more than tensors.
fn tensors(path: &Path) -> io::Result<BufReader<File>> {
    let mut file = File::open(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = i64::try_from(u64::from_le_bytes(length)).map_err(io::Error::other)?;
    file.seek(SeekFrom::Current(length))?;
    Ok(BufReader::new(file))
}
