//! The model of a run: its folder on this machine, tokenizer and limits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use retrial_config::{ModelPath, ModelPlace, PromptsConfig};
use retrial_data::{Message, Problem, Role};
use retrial_hub::{Hub, Repo, Settings, bar, is_model_file, wait};
use retrial_lte::{HintKind, Templates};
use retrial_text::{DateTime, Form, Prompting, Text};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Extensions of weight files.
const WEIGHTS: &str = ".safetensors";
/// Bytes at each end of a weight file that its fingerprint covers.
const END: u64 = 1 << 20;

/// A model's folder, tokenizer and limits.
pub struct Model {
    /// The folder on this machine.
    pub folder: PathBuf,
    /// Its source: the folder, or its name on the hub with the commit.
    pub source: String,
    /// The tokenizer and the chat template.
    pub text: Text,
    /// Longest sequence, tokens.
    pub context: usize,
    /// Size of the vocabulary.
    vocabulary: u32,
}

/// Which files of a model are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// All of them.
    Whole,
    /// Tokenizer and configuration only: another process has the weights.
    Description,
}

#[derive(Deserialize)]
struct ModelFile {
    max_position_embeddings: usize,
    vocab_size: u32,
}

impl Model {
    /// Finds a model, downloads it from the hub if needed, and reads its tokenizer and configuration.
    /// Templates that ask for the time see `now`.
    pub fn load(
        path: &ModelPath,
        parts: Parts,
        prompts: &PromptsConfig,
        now: DateTime,
    ) -> Result<Self> {
        let (folder, source) = fetch(path, parts)?;
        let text = Text::load_at(&folder, now).context("cannot use the model's tokenizer")?;
        let text = text.with_prompting(prompting(prompts));
        let ModelFile { max_position_embeddings: context, vocab_size: vocabulary } =
            description(&folder)?;
        Ok(Self { folder, source, text, context, vocabulary })
    }

    /// Tokens of the plain prompt of a problem.
    pub fn prompt_tokens(
        &self,
        templates: &Templates,
        problem: &Problem,
        context: &[Message],
    ) -> Result<usize> {
        let prompt = templates.render(HintKind::Plain, &problem.text, &[]);
        let ids = self.text.conversation(&conversation(context, prompt))?;
        // SGLang crashes on a token outside the vocabulary.
        if let Some(id) = ids.iter().find(|&&id| id >= self.vocabulary) {
            bail!(
                "the prompt of problem `{}` has token {id}, the model has {}: the tokenizer belongs \
                 to another model",
                problem.id,
                self.vocabulary
            );
        }
        Ok(ids.len())
    }

    /// Fingerprint of the folder, file by file: small files in full, weights by size and both
    /// ends, which differ for any other training.
    pub fn fingerprint(&self) -> Result<BTreeMap<String, String>> {
        let mut files = BTreeMap::new();
        let folder = &self.folder;
        let failed = || format!("cannot read the model's folder {}", folder.display());
        for entry in std::fs::read_dir(folder).with_context(failed)? {
            let Ok(name) = entry.with_context(failed)?.file_name().into_string() else { continue };
            let path = folder.join(&name);
            // On the hub's cache files are links.
            if is_model_file(&name) && path.is_file() {
                let digest =
                    digest(&path).with_context(|| format!("cannot read {}", path.display()))?;
                files.insert(name, digest);
            }
        }
        Ok(files)
    }
}

/// A conversation that ends with the user's message.
pub fn conversation(context: &[Message], user: String) -> Vec<retrial_text::Message> {
    let said = context.iter().map(|Message { role, content }| {
        let role = match role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        retrial_text::Message { role: role.into(), content: content.clone() }
    });
    said.chain([retrial_text::Message::user(user)]).collect()
}

/// The folder of a model on this machine, and its name for the log.
fn fetch(path: &ModelPath, parts: Parts) -> Result<(PathBuf, String)> {
    let (repository, revision) = match path.place() {
        ModelPlace::Folder(folder) => {
            let source = folder.display().to_string();
            return Ok((folder, source));
        }
        ModelPlace::Hub { repository, revision } => (repository, revision),
    };
    let wanted =
        |name: &str| is_model_file(name) && (parts == Parts::Whole || !name.ends_with(WEIGHTS));
    let fetched = wait(async {
        let repo = Repo::model(&repository)?;
        let repo = match &revision {
            Some(revision) => repo.at(revision)?,
            None => repo,
        };
        let hub = Hub::new(Settings::from_env())?;
        let snapshot = hub.open(&repo).await?;
        let folder = hub.folder(&snapshot, wanted, &bar()).await?;
        anyhow::Ok((folder, format!("{repository}@{}", snapshot.commit())))
    });
    fetched.with_context(|| {
        format!("there is no folder `{path}`, and the Hugging Face Hub has no model of this name")
    })
}

fn prompting(prompts: &PromptsConfig) -> Prompting {
    Prompting {
        system: prompts.system.clone(),
        template_kwargs: prompts.template_kwargs.clone(),
        form: if prompts.chat { Form::Chat } else { Form::Plain },
    }
}

fn description(model: &Path) -> Result<ModelFile> {
    let path: PathBuf = model.join("config.json");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not a model's configuration", path.display()))
}

fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hash = Sha256::new();
    hash.update(size.to_le_bytes());
    let mut add = |file: &mut File, most: u64| {
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        hash.update(&bytes);
        std::io::Result::Ok(())
    };
    if path.to_string_lossy().ends_with(WEIGHTS) && size > 2 * END {
        add(&mut file, END)?;
        file.seek(SeekFrom::Start(size - END))?;
    }
    add(&mut file, u64::MAX)?;
    Ok(hash.finalize().iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_known_by_their_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let mut bytes = vec![1; 3 << 20];
        let mut digest_of = |place: usize, byte: u8| {
            bytes[place] = byte;
            std::fs::write(&path, &bytes).unwrap();
            digest(&path).unwrap()
        };
        let first = digest_of(0, 1);
        assert_eq!(digest_of(3 << 19, 2), first, "the middle is not read");
        assert_ne!(digest_of(9, 2), first);
        digest_of(9, 1);
        assert_ne!(digest_of((3 << 20) - 1, 2), first);
    }
}
