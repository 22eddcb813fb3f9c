//! Safetensors files as they lie on the disk: whole, and read a tensor at a time.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use tch::{Kind, Tensor};

use super::ModelError;

/// Bytes before the header: its length.
const LENGTH_BYTES: u64 = 8;

/// An open safetensors file that is as long as its header says.
pub(super) struct TensorFile {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the tensors begin, bytes.
    start: u64,
}

impl TensorFile {
    pub(super) fn open(path: &Path) -> Result<Self, ModelError> {
        let invalid = |problem: String| ModelError::Invalid { path: path.into(), problem };
        let failed = |source| read_error(path, source);
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut header = [0; LENGTH_BYTES as usize];
        let header = match file.read_exact(&mut header) {
            Ok(()) => u64::from_le_bytes(header),
            Err(_) => return Err(invalid(format!("it has {length} bytes, and no header"))),
        };
        if header > length - LENGTH_BYTES {
            return Err(invalid(format!("it has {length} bytes, its header alone {header}")));
        }
        let mut bytes = Vec::new();
        (&mut file).take(header).read_to_end(&mut bytes).map_err(failed)?;
        let metadata: Metadata =
            serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
        let start = LENGTH_BYTES + header;
        let whole = start + metadata.data_len() as u64;
        if length != whole {
            return Err(invalid(format!("it has {length} bytes, its header says {whole}")));
        }
        Ok(Self { path: path.into(), file, metadata, start })
    }

    /// The tensors in their order.
    pub(super) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// Whether it has a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.metadata.info(name).is_some()
    }

    /// Reads a tensor as it is.
    pub(super) fn read(&mut self, name: &str) -> Result<Tensor, ModelError> {
        let entry = self.entry(name)?;
        self.read_entry(&entry)
    }

    fn entry(&self, name: &str) -> Result<Entry, ModelError> {
        let path = || self.path.clone();
        let missing = || ModelError::Missing { path: path(), names: vec![name.into()] };
        let info = self.metadata.info(name).ok_or_else(missing)?;
        let kind = match info.dtype {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            other => {
                let problem = format!("`{name}` is {other:?}, not a floating type");
                return Err(ModelError::Invalid { path: path(), problem });
            }
        };
        let shape = info.shape.iter().map(|&size| size as i64).collect();
        Ok(Entry { name: name.into(), kind, shape, bytes: info.data_offsets })
    }

    fn read_entry(&mut self, entry: &Entry) -> Result<Tensor, ModelError> {
        let (from, to) = entry.bytes;
        let mut bytes = vec![0; to - from];
        self.file
            .seek(SeekFrom::Start(self.start + from as u64))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|source| read_error(&self.path, source))?;
        Tensor::f_from_data_size(&bytes, &entry.shape, entry.kind).map_err(|error| {
            let problem = format!("`{}`: {error}", entry.name);
            ModelError::Invalid { path: self.path.clone(), problem }
        })
    }

    /// Reads tensors of the shapes that are expected, as f32.
    pub(super) fn read_all(
        &mut self,
        wanted: &[(String, Vec<i64>)],
    ) -> Result<Vec<Tensor>, ModelError> {
        let read = |(name, expected): &(String, Vec<i64>)| {
            let entry = self.entry(name)?;
            if entry.shape != *expected {
                let (path, name) = (self.path.clone(), name.clone());
                let (found, expected) = (entry.shape, expected.clone());
                return Err(ModelError::Shape { path, name, found, expected });
            }
            Ok(self.read_entry(&entry)?.to_kind(Kind::Float))
        };
        wanted.iter().map(read).collect()
    }
}

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The kind of its numbers.
    pub kind: Kind,
    /// Its shape.
    pub shape: Vec<i64>,
    /// Where it begins and ends among the tensors of its file, bytes.
    bytes: (usize, usize),
}

/// All tensors of a folder's safetensors files, in the order of the files' names and in theirs.
pub struct StoredTensors {
    files: Vec<TensorFile>,
}

impl StoredTensors {
    /// Opens the files of a folder, and reads their headers.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let failed = |source| read_error(folder, source);
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "safetensors") {
                paths.push(path);
            }
        }
        paths.sort_unstable();
        let files: Result<_, _> = paths.iter().map(|path| TensorFile::open(path)).collect();
        Ok(Self { files: files? })
    }

    /// What there is.
    pub fn entries(&self) -> Result<Vec<Entry>, ModelError> {
        let of = |file: &TensorFile| -> Vec<_> {
            file.names().iter().map(|name| file.entry(name)).collect()
        };
        self.files.iter().flat_map(of).collect()
    }

    /// Reads one tensor after another, and gives each to `take`.
    pub fn try_for_each<E: From<ModelError>>(
        &mut self,
        mut take: impl FnMut(Tensor) -> Result<(), E>,
    ) -> Result<(), E> {
        for file in &mut self.files {
            for name in file.names() {
                let entry = file.entry(&name)?;
                take(file.read_entry(&entry)?)?;
            }
        }
        Ok(())
    }
}

fn read_error(path: &Path, source: std::io::Error) -> ModelError {
    ModelError::Io { action: "read", path: path.into(), source }
}
