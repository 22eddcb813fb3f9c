//! Tensors that lie in one file, or in several: each file then has some of them, or a piece of each.

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::ModelError;
use super::stored::TensorFile;

/// The name of a file, or of one of several: `model.safetensors`, `model-00001-of-00002.safetensors`.
pub fn shard_name(stem: &str, index: usize, count: usize) -> String {
    match count {
        1 => format!("{stem}.safetensors"),
        _ => format!("{stem}-{:05}-of-{count:05}.safetensors", index + 1),
    }
}

/// Open files that belong together.
pub struct Shards {
    path: PathBuf,
    files: Vec<TensorFile>,
}

impl Shards {
    /// Opens the files of a folder whose names are made of `stem`; none if there is none.
    pub fn open(folder: &Path, stem: &str) -> Result<Option<Self>, ModelError> {
        let path = folder.join(shard_name(stem, 0, 1));
        if path.exists() {
            let files = vec![TensorFile::open(&path)?];
            return Ok(Some(Self { path, files }));
        }
        let Some(count) = count(folder, stem) else { return Ok(None) };
        let open = |index| TensorFile::open(&folder.join(shard_name(stem, index, count)));
        let files = (0..count).map(open).collect::<Result<_, _>>()?;
        Ok(Some(Self { path, files }))
    }

    /// Reads a tensor of the shape that is expected, as f32.
    pub fn read(&mut self, name: &str, expected: &[i64]) -> Result<Tensor, ModelError> {
        let mut pieces = Vec::new();
        for file in self.files.iter_mut().filter(|file| file.has(name)) {
            pieces.push(file.read(name)?.to_kind(Kind::Float));
        }
        let path = self.path.clone();
        let whole = match &pieces[..] {
            [] => return Err(ModelError::Missing { path, names: vec![name.into()] }),
            [whole] => whole.shallow_clone(),
            pieces => Tensor::cat(pieces, 0),
        };
        let found = whole.size();
        if found == expected {
            return Ok(whole);
        }
        // Pieces of several ranks are flat.
        if self.files.len() > 1 && found == [expected.iter().product::<i64>()] {
            return Ok(whole.view(expected));
        }
        Err(ModelError::Shape { path, name: name.into(), found, expected: expected.into() })
    }
}

/// How many files there are of a name, by the name of one of them.
fn count(folder: &Path, stem: &str) -> Option<usize> {
    let names = folder.read_dir().ok()?.filter_map(Result::ok);
    let of = |name: &str| -> Option<usize> {
        let (index, count) = name
            .strip_prefix(stem)?
            .strip_prefix('-')?
            .strip_suffix(".safetensors")?
            .split_once("-of-")?;
        index.parse::<usize>().ok()?;
        count.parse().ok()
    };
    names.filter_map(|entry| of(entry.file_name().to_str()?)).max()
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tempfile::tempdir;

    use super::super::write_tensors;
    use super::*;

    #[test]
    fn pieces_make_up_the_tensor_and_one_that_is_missing_is_named() {
        let folder = tempdir().unwrap();
        let whole = Tensor::arange(6, (Kind::Float, Device::Cpu)).view([2, 3]);
        let flat = whole.view([-1]);
        for (index, (start, length)) in [(0, 4), (4, 2)].into_iter().enumerate() {
            let piece = vec![("w".to_owned(), flat.narrow(0, start, length))];
            let path = folder.path().join(shard_name("optimizer", index, 2));
            write_tensors(&path, &piece, Kind::Float).unwrap();
        }
        let mut shards = Shards::open(folder.path(), "optimizer").unwrap().unwrap();
        assert_eq!(shards.read("w", &[2, 3]).unwrap(), whole);
        let error = shards.read("w", &[2, 4]).unwrap_err().to_string();
        assert!(error.contains("`w` has shape [6]"), "{error}");
        let error = shards.read("v", &[1]).unwrap_err().to_string();
        assert!(error.contains("lacks a tensor: v"), "{error}");

        std::fs::remove_file(folder.path().join(shard_name("optimizer", 0, 2))).unwrap();
        let error = Shards::open(folder.path(), "optimizer").err().unwrap().to_string();
        assert!(error.contains("optimizer-00001-of-00002.safetensors"), "{error}");
        assert!(Shards::open(folder.path(), "weights").unwrap().is_none());
    }
}
