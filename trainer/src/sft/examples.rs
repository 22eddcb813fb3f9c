//! Examples: from the rows of data files to token ids.

use std::ops::ControlFlow;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use retrial_rows::{DataFile, Example as LeftOutRow, HubSettings, Role, Row, Split, locate, read};
use retrial_text::{Form, Message, Prompting, Text, TextError};
use sha2::{Digest, Sha256};

use super::args::{Args, Reading};
use super::layout::{self, Columns, Dialogue};
use super::report::{Reason, Report};
use crate::update::sequences::Sequence;

/// A prompt and its response as token ids.
pub(super) struct Example {
    pub prompt: Vec<u32>,
    pub response: Vec<u32>,
}

impl Example {
    pub fn sequence(&self) -> Sequence<'_> {
        Sequence { prompt: &self.prompt, response: &self.response }
    }

    /// Prompt and response together.
    pub fn tokens(&self) -> usize {
        self.prompt.len() + self.response.len()
    }
}

/// What is trained on and what is held out.
pub(super) struct Examples {
    pub train: Vec<Example>,
    pub held_out: Vec<Example>,
    /// What was read, for people.
    pub reports: Vec<Report>,
    /// A digest of all token ids, in order.
    pub digest: [u8; 32],
}

impl Examples {
    /// Reads all examples for a model with this context. Blocks while files are downloaded.
    pub fn read(args: &Args, context: usize) -> Result<Self> {
        let reader = Reader::new(args, context)?;
        let (mut train, report) = reader.read(&args.data, "examples", Split::Train)?;
        let mut reports = vec![report];
        let held_out = match args.held_out.share {
            Some(share) => split_off(&mut train, share, args.training.seed)?,
            None if args.held_out.sources.is_empty() => Vec::new(),
            None => {
                let (examples, report) =
                    reader.read(&args.held_out.sources, "held out", Split::Test)?;
                reports.push(report);
                examples
            }
        };
        let digest = digest([&train, &held_out]);
        Ok(Self { train, held_out, reports, digest })
    }
}

fn digest(sets: [&[Example]; 2]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for set in sets {
        hash.update((set.len() as u64).to_le_bytes());
        for ids in set.iter().flat_map(|example| [&example.prompt, &example.response]) {
            hash.update((ids.len() as u64).to_le_bytes());
            for id in ids {
                hash.update(id.to_le_bytes());
            }
        }
    }
    hash.finalize().into()
}

/// Takes a share of the examples out, chosen by the seed; at least one.
fn split_off(examples: &mut Vec<Example>, share: f64, seed: u64) -> Result<Vec<Example>> {
    let count = ((examples.len() as f64 * share).round() as usize).max(1);
    ensure!(count < examples.len(), "--held-out-share leaves no example to train on");
    let mut order: Vec<usize> = (0..examples.len()).collect();
    // Another stream than that of the order of the examples.
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(1);
    order.shuffle(&mut random);
    let mut is_held_out = vec![false; examples.len()];
    order[..count].iter().for_each(|&index| is_held_out[index] = true);
    let mut flags = is_held_out.into_iter();
    Ok(examples.extract_if(.., |_| flags.next().unwrap_or_default()).collect())
}

struct Reader<'a> {
    settings: &'a Reading,
    columns: Option<Columns>,
    text: Text,
    /// The token that ends a response.
    end: u32,
    /// Most tokens of an example.
    longest: usize,
}

impl<'a> Reader<'a> {
    fn new(args: &'a Args, context: usize) -> Result<Self> {
        let settings = &args.reading;
        let form = if settings.plain { Form::Plain } else { Form::Chat };
        let prompting = Prompting { system: settings.system.clone(), form, ..Prompting::default() };
        let text = Text::load(&args.model)?.with_prompting(prompting);
        let end = text.end_token().context(
            "the tokenizer names no end token\nhint: set eos_token in tokenizer_config.json",
        )?;
        if let Err(TextError::NoTemplate) = text.prompt("") {
            bail!(
                "{} has no chat template\n\
                 hint: --plain writes prompts as plain text; a run then needs [prompts] chat = false",
                args.model.display()
            );
        }
        let columns = settings.prompt_column.clone().zip(settings.response_column.clone());
        let columns = columns.map(|(prompt, response)| Columns { prompt, response });
        let longest = settings.max_tokens.map_or(context, |most| most.min(context));
        Ok(Self { settings, columns, text, end, longest })
    }

    fn read(
        &self,
        sources: &[String],
        set: &'static str,
        split: Split,
    ) -> Result<(Vec<Example>, Report)> {
        let mut report = Report::new(set);
        let mut examples = Vec::new();
        let hub = HubSettings::from_env();
        for source in sources {
            for file in locate(source, split, &hub)? {
                self.file(&file, &mut examples, &mut report)?;
            }
        }
        report.used = examples.len() as u64;
        report.tokens = examples.iter().map(Example::tokens).sum();
        report.response_tokens = examples.iter().map(|example| example.response.len()).sum();
        let share = report.share_of_faults();
        let limit = self.settings.max_left_out;
        if examples.is_empty() {
            bail!(
                "no example can be used\n{report}\n\
                 hint: docs/sft.md lists the layouts; --prompt-column and --response-column name \
                 other columns"
            );
        }
        if share > limit {
            bail!(
                "{:.1} % of the rows have something wrong with them, more than --max-left-out \
                 {limit} allows\n{report}\nhint: fix the rows, or raise --max-left-out",
                share * 100.0
            );
        }
        Ok((examples, report))
    }

    fn file(
        &self,
        file: &DataFile,
        examples: &mut Vec<Example>,
        report: &mut Report,
    ) -> Result<()> {
        let used = |column: &str| layout::may_be_used(column, self.columns.as_ref());
        read(file, &used, &mut |line, row| {
            report.rows += 1;
            let example = row.map_err(|problem| (Reason::Unreadable, problem));
            match example.and_then(|row| self.example(&row)) {
                Ok(example) => examples.push(example),
                Err((reason, problem)) => {
                    report.leave_out(reason, || LeftOutRow::new(&file.shown, line, &problem));
                }
            }
            ControlFlow::Continue(())
        })
        .map_err(|error| anyhow!(error))
    }

    fn example(&self, row: &Row) -> Result<Example, (Reason, String)> {
        let Dialogue { prompt, response } = layout::dialogue(row, self.columns.as_ref())
            .map_err(|problem| (Reason::NoExample, problem))?;
        let messages: Vec<Message> = prompt
            .into_iter()
            .map(|message| Message { role: role(message.role).into(), content: message.content })
            .collect();
        let refused = |error: TextError| (Reason::Refused, error.to_string());
        let prompt = self.text.conversation(&messages).map_err(refused)?;
        if prompt.is_empty() {
            return Err((Reason::NoExample, "the prompt has no tokens".into()));
        }
        let mut response = self.text.encode(&response).map_err(refused)?;
        response.push(self.end);
        let example = Example { prompt, response };
        let (tokens, longest) = (example.tokens(), self.longest);
        if tokens > longest {
            return Err((Reason::TooLong, format!("{tokens} tokens, at most {longest} are used")));
        }
        Ok(example)
    }
}

/// The role as chat templates name it.
fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}
