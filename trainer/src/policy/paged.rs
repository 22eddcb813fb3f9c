//! A model that is laid out for sampling on the processor, and the pages of its sequences.
//!
//! Prompts that begin alike share the pages of what they have in common, and the responses to a prompt
//! share all that are full: nothing is computed or stored twice. That does not show in any number, since
//! no token's depend on what is computed beside it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use retrial_native::cpu::{Grid, Page, Pool};

use super::ranking;
use super::sampling::Score;
use crate::model::{Decoder, ModelError, Packed, PagePool, Prefixes, Table, Token};

/// Positions of a prompt whose logits are computed together when it is scored.
const SCORED_TOGETHER: usize = 64;
/// The part of the memory for keys and values that prompts may take which no sequence has: one in so many.
const IDLE_PART: usize = 4;

/// The model, its pages, and the logits of the last step.
pub struct Paged {
    model: Packed,
    pages: Arc<PagePool>,
    prefixes: Prefixes,
    /// Most pages in `prefixes` that no sequence has.
    idle: usize,
    tables: Vec<Table>,
    logits: Grid,
}

/// Prompts that were computed.
pub struct PagedPrompts {
    /// Of each prompt its pages, the row of its logits, and the hidden states of all its tokens if it is
    /// to be scored.
    prompts: Vec<Prompt>,
    logits: Grid,
}

#[derive(Clone)]
struct Prompt {
    table: Table,
    row: usize,
    hidden: Option<Arc<Vec<Vec<f32>>>>,
}

impl PagedPrompts {
    /// Logits of the token after prompt `row`.
    pub fn logits(&self, row: usize) -> &[f32] {
        self.logits.row(self.prompts[row].row)
    }
}

impl Paged {
    /// Lays out a model.
    pub fn new(model: &Decoder, cache_bytes: usize) -> Self {
        let pages = PagePool::new(Packed::page_shape(model.config()));
        let idle = cache_bytes / IDLE_PART / pages.bytes(1);
        let model = Packed::new(model);
        let logits = Grid::new(model.config().vocabulary as usize);
        Self { model, pages, prefixes: Prefixes::default(), idle, tables: Vec::new(), logits }
    }

    /// Computes prompts of any lengths.
    pub fn prefill(&mut self, prompts: &[Vec<u32>], scored: &[bool], pool: &Pool) -> PagedPrompts {
        let mut rows: Vec<Option<Prompt>> = vec![None; prompts.len()];
        let (mut waiting, mut ends) = (Vec::new(), Vec::new());
        // Equal ones once.
        let mut first: HashMap<&[u32], usize> = HashMap::new();
        for (row, prompt) in prompts.iter().enumerate() {
            if scored[row] || !first.contains_key(&prompt[..]) {
                first.insert(prompt, row);
                waiting.push(row);
            }
        }
        while !waiting.is_empty() {
            // Of those that begin alike, one first; the others then find what it has computed.
            let mut beginnings = HashSet::new();
            let (mut now, mut later) = (Vec::new(), Vec::new());
            for row in waiting {
                let found = self.prefixes.find(&prompts[row]);
                if scored[row] {
                    now.push((row, Vec::new()));
                } else if found.missing.is_some_and(|missing| !beginnings.insert(missing)) {
                    later.push(row);
                } else {
                    now.push((row, found.pages));
                }
            }
            self.compute(prompts, scored, now, (&mut rows, &mut ends), pool);
            waiting = later;
        }
        let computed =
            |row: usize| rows[row].clone().or_else(|| rows[first[&prompts[row][..]]].clone());
        let prompts = (0..prompts.len()).filter_map(computed).collect();
        self.prefixes.forget(self.idle, &self.pages);
        let mut logits = Grid::new(self.logits.width());
        self.model.logits(&grid(&ends, self.model.config().hidden as usize), &mut logits, pool);
        PagedPrompts { prompts, logits }
    }

    /// Computes what is not there of some prompts, which have these pages already.
    fn compute(
        &mut self,
        prompts: &[Vec<u32>],
        scored: &[bool],
        now: Vec<(usize, Vec<Arc<Page>>)>,
        (rows, ends): (&mut [Option<Prompt>], &mut Vec<Vec<f32>>),
        pool: &Pool,
    ) {
        let (mut tables, mut tokens) = (Vec::new(), Vec::new());
        for (sequence, (row, pages)) in now.iter().enumerate() {
            let (prompt, mut table) = (&prompts[*row], Table::new(&self.pages, pages.clone()));
            let known = table.length();
            table.grow(prompt.len());
            tables.push(table);
            let token = |position: usize| Token {
                id: prompt[position],
                sequence,
                position,
                wanted: scored[*row] || position + 1 == prompt.len(),
            };
            tokens.extend((known..prompt.len()).map(token));
        }
        let model = &self.model;
        let hidden = pool.enter(|| model.run(&tokens, &mut tables, pool));
        let mut next = 0;
        for ((row, _), table) in now.into_iter().zip(tables) {
            let count = if scored[row] { prompts[row].len() } else { 1 };
            let of: Vec<Vec<f32>> =
                (next..next + count).map(|at| hidden.row(at).to_vec()).collect();
            next += count;
            ends.extend(of.last().cloned());
            self.prefixes.keep(&prompts[row], table.pages());
            let hidden = scored[row].then(|| Arc::new(of));
            rows[row] = Some(Prompt { table, row: ends.len() - 1, hidden });
        }
    }

    /// The log-probability of each token of a prompt after the first.
    pub fn score(
        &self,
        computed: &PagedPrompts,
        row: usize,
        prompt: &[u32],
        top: usize,
        pool: &Pool,
    ) -> Vec<Score> {
        let hidden = computed.prompts[row].hidden.as_deref().map_or(&[][..], Vec::as_slice);
        let mut scores = Vec::with_capacity(prompt.len());
        let mut logits = Grid::new(self.logits.width());
        for (hidden, tokens) in
            hidden.chunks(SCORED_TOGETHER).zip(prompt[1..].chunks(SCORED_TOGETHER))
        {
            let hidden = grid(&hidden[..tokens.len()], self.model.config().hidden as usize);
            self.model.logits(&hidden, &mut logits, pool);
            let rows = tokens.iter().enumerate();
            scores.extend(rows.map(|(row, &token)| ranking::score(logits.row(row), token, top)));
        }
        scores
    }

    /// The most memory that sequences of these lengths can take, bytes: as if they shared nothing.
    pub fn most_cache(&self, lengths: &[usize]) -> usize {
        let idle = self.idle * self.pages.bytes(1);
        lengths.iter().map(|&length| self.pages.bytes(length)).sum::<usize>() + idle
    }

    /// Adds a sequence, which shares the pages of its prompt.
    pub fn push(&mut self, computed: &PagedPrompts, row: usize) {
        self.tables.push(computed.prompts[row].table.clone());
    }

    /// Drops sequence `row`; the last sequence moves to its row.
    pub fn swap_remove(&mut self, row: usize) {
        self.tables.swap_remove(row);
    }

    /// Appends a token to each sequence and computes the logits of the tokens after them.
    pub fn decode(&mut self, tokens: &[u32], pool: &Pool) {
        let Self { model, tables, logits, .. } = self;
        let token = |(sequence, (table, &id)): (usize, (&mut Table, &u32))| {
            let position = table.length();
            table.grow(position + 1);
            Token { id, sequence, position, wanted: true }
        };
        let tokens: Vec<Token> = tables.iter_mut().zip(tokens).enumerate().map(token).collect();
        pool.enter(|| {
            let hidden = model.run(&tokens, tables, pool);
            model.logits(&hidden, logits, pool);
        });
    }

    /// Logits of the token after sequence `row`.
    pub fn logits(&self, row: usize) -> &[f32] {
        self.logits.row(row)
    }

    /// Drops all sequences.
    pub fn clear(&mut self) {
        self.tables.clear();
    }

    /// Drops all sequences and prompts.
    pub fn scrub(&mut self) {
        self.tables.clear();
        self.prefixes = Prefixes::default();
    }

    /// Replaces the weights, and drops all sequences and prompts. On an error the old ones stay.
    pub fn reload(&mut self, folder: &Path) -> Result<(), ModelError> {
        self.model.reload(folder)?;
        self.scrub();
        Ok(())
    }
}

fn grid(rows: &[Vec<f32>], width: usize) -> Grid {
    let mut grid = Grid::new(width);
    grid.resize(rows.len());
    for (at, row) in rows.iter().enumerate() {
        grid.row_mut(at).copy_from_slice(row);
    }
    grid
}
