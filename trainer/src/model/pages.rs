//! The pages of keys and values that sequences have, and those that they share.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use retrial_native::cpu::{Page, PageShape};

/// Makes pages, and takes them back to be used again.
pub struct PagePool {
    shape: PageShape,
    free: Mutex<Vec<Page>>,
}

impl PagePool {
    /// A pool of pages of a shape; none is made yet.
    pub fn new(shape: PageShape) -> Arc<Self> {
        Arc::new(Self { shape, free: Mutex::default() })
    }

    /// Memory for a sequence of `length` tokens, bytes.
    pub fn bytes(&self, length: usize) -> usize {
        length.div_ceil(Page::TOKENS) * self.shape.bytes()
    }

    fn take(&self) -> Page {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_else(|| Page::new(self.shape))
    }

    /// Takes a page back if nobody else has it.
    fn give_back(&self, page: Arc<Page>) {
        if let Some(page) = Arc::into_inner(page) {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(page);
        }
    }
}

/// The pages of a sequence. A clone shares them, until one of the two grows.
#[derive(Clone)]
pub struct Table {
    pool: Arc<PagePool>,
    pages: Vec<Arc<Page>>,
    length: usize,
}

impl Table {
    /// A sequence that begins with some pages.
    pub fn new(pool: &Arc<PagePool>, pages: Vec<Arc<Page>>) -> Self {
        let length = pages.len() * Page::TOKENS;
        Self { pool: Arc::clone(pool), pages, length }
    }

    /// Its tokens.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Grows to `length` tokens. What it then writes to belongs to it alone: a page that it shares is
    /// copied if it is not full.
    pub fn grow(&mut self, length: usize) {
        if let Some(page) = self.pages.get_mut(self.length / Page::TOKENS)
            && Arc::get_mut(page).is_none()
        {
            let mut own = self.pool.take();
            own.copy_from(page);
            *page = Arc::new(own);
        }
        let pages = length.div_ceil(Page::TOKENS);
        while self.pages.len() < pages {
            self.pages.push(Arc::new(self.pool.take()));
        }
        self.length = length;
    }

    /// All pages.
    pub fn pages(&self) -> &[Arc<Page>] {
        &self.pages
    }

    /// A page to write to.
    ///
    /// # Panics
    ///
    /// If it is shared: tokens are written once, after [`Self::grow`].
    pub fn page_mut(&mut self, index: usize) -> &mut Page {
        Arc::get_mut(&mut self.pages[index]).expect("what is written belongs to one sequence")
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.pages.drain(..).for_each(|page| self.pool.give_back(page));
    }
}

/// The tokens of a full page.
type Tokens = [u32; Page::TOKENS];

/// The beginnings of prompts: a tree of full pages, each under the page before it.
#[derive(Default)]
pub struct Prefixes {
    /// By the number of the page before it, 0 for none, and its tokens.
    nodes: HashMap<(u64, Tokens), Node>,
    last: u64,
    clock: u64,
}

struct Node {
    number: u64,
    page: Arc<Page>,
    used: u64,
    depth: usize,
}

/// What there is of a prompt.
pub struct Found {
    /// Its first pages.
    pub pages: Vec<Arc<Page>>,
    /// The first full page that is not there: equal ones of two prompts need be computed once only.
    pub missing: Option<(u64, Tokens)>,
}

/// The full pages of a prompt, without its last token, which is always computed.
fn full(ids: &[u32]) -> impl Iterator<Item = Tokens> {
    let without_last = &ids[..ids.len().saturating_sub(1)];
    without_last.as_chunks::<{ Page::TOKENS }>().0.iter().copied()
}

impl Prefixes {
    /// The pages that a prompt begins with.
    pub fn find(&mut self, ids: &[u32]) -> Found {
        self.clock += 1;
        let (mut pages, mut before) = (Vec::new(), 0);
        for tokens in full(ids) {
            let Some(node) = self.nodes.get_mut(&(before, tokens)) else {
                return Found { pages, missing: Some((before, tokens)) };
            };
            node.used = self.clock;
            before = node.number;
            pages.push(Arc::clone(&node.page));
        }
        Found { pages, missing: None }
    }

    /// Keeps the full pages of a prompt that has been computed.
    pub fn keep(&mut self, ids: &[u32], pages: &[Arc<Page>]) {
        self.clock += 1;
        let mut before = 0;
        for (depth, (tokens, page)) in full(ids).zip(pages).enumerate() {
            let (clock, next) = (self.clock, self.last + 1);
            let node = self.nodes.entry((before, tokens)).or_insert_with(|| Node {
                number: next,
                page: Arc::clone(page),
                used: clock,
                depth,
            });
            self.last = self.last.max(node.number);
            node.used = clock;
            before = node.number;
        }
    }

    /// Forgets those used longest ago that no sequence has, until they are at most `most`.
    pub fn forget(&mut self, most: usize, pool: &PagePool) {
        let idle = |node: &Node| Arc::strong_count(&node.page) == 1;
        let count = self.nodes.values().filter(|node| idle(node)).count();
        if count <= most {
            return;
        }
        let mut all: Vec<_> = self
            .nodes
            .iter()
            .filter(|(_, node)| idle(node))
            // What is deeper goes first: nothing is found under a page that is gone.
            .map(|(key, node)| (node.used, Reverse(node.depth), *key))
            .collect();
        all.sort_unstable();
        for (_, _, key) in &all[..count - most] {
            if let Some(node) = self.nodes.remove(key) {
                pool.give_back(node.page);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Arc<PagePool> {
        PagePool::new(PageShape { layers: 1, heads: 1, width: 1 })
    }

    fn prompt(pool: &Arc<PagePool>, prefixes: &mut Prefixes, ids: &[u32]) -> Table {
        let mut table = Table::new(pool, prefixes.find(ids).pages);
        table.grow(ids.len());
        prefixes.keep(ids, table.pages());
        table
    }

    #[test]
    fn equal_beginnings_are_one_page_and_the_last_token_is_computed() {
        let (pool, mut prefixes) = (pool(), Prefixes::default());
        let ids: Vec<u32> = (0..48).collect();
        let first = prompt(&pool, &mut prefixes, &ids);
        // Of 48 tokens two pages are kept: the last token is in the third.
        assert_eq!(prefixes.find(&ids).pages.len(), 2);
        let mut other = ids[..40].to_vec();
        other[39] = 99;
        let second = prompt(&pool, &mut prefixes, &other);
        assert!(Arc::ptr_eq(&first.pages()[1], &second.pages()[1]));
        other[0] = 99;
        let found = prefixes.find(&other);
        assert!(found.pages.is_empty() && found.missing.is_some_and(|(before, _)| before == 0));
    }

    #[test]
    fn a_shared_page_is_copied_before_one_of_two_writes_to_it() {
        let pool = pool();
        let mut one = Table::new(&pool, vec![]);
        one.grow(20);
        one.page_mut(1).write(0, 3, &[7.0], &[8.0]);
        let mut two = one.clone();
        two.grow(21);
        two.page_mut(1).write(0, 4, &[9.0], &[9.0]);
        assert!(Arc::ptr_eq(&one.pages()[0], &two.pages()[0]));
        assert!(!Arc::ptr_eq(&one.pages()[1], &two.pages()[1]));
        drop(two);
        assert_eq!(pool.free.lock().unwrap().len(), 1);
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_but_nothing_that_is_in_use() {
        let (pool, mut prefixes) = (pool(), Prefixes::default());
        let of = |first: u32| (first..first + 40).collect::<Vec<u32>>();
        drop(prompt(&pool, &mut prefixes, &of(0)));
        drop(prompt(&pool, &mut prefixes, &of(100)));
        let running = prompt(&pool, &mut prefixes, &of(200));
        assert_eq!(prefixes.find(&of(0)).pages.len(), 2);
        prefixes.forget(2, &pool);
        let left = [0, 100, 200].map(|first| prefixes.find(&of(first)).pages.len());
        assert_eq!(left, [2, 0, 2]);
        drop(running);
        prefixes.forget(0, &pool);
        assert!(prefixes.nodes.is_empty());
    }
}
