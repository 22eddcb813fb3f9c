//! The content of a file to upload.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use crate::HubError;

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The bytes of a file on this machine.
    File(PathBuf),
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Content {
    pub(crate) fn open(&self) -> Result<Box<dyn Read + Send + '_>, HubError> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Self::File(path) => Box::new(File::open(path).map_err(|error| self.failed(error))?),
        })
    }

    pub(crate) fn size(&self) -> Result<u64, HubError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => match std::fs::metadata(path) {
                Ok(file) => Ok(file.len()),
                Err(error) => Err(self.failed(error)),
            },
        }
    }

    pub(crate) fn failed(&self, source: std::io::Error) -> HubError {
        let path = match self {
            Self::File(path) => path.clone(),
            Self::Bytes(_) => PathBuf::new(),
        };
        HubError::Upload { path, source }
    }

    /// The first bytes, up to a limit.
    pub(crate) fn first(&self, bytes: u64) -> Result<Vec<u8>, HubError> {
        let mut read = Vec::new();
        let taken = self.open()?.take(bytes).read_to_end(&mut read);
        taken.map_err(|error| self.failed(error))?;
        Ok(read)
    }
}
