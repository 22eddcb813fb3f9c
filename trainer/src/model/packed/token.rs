//! What goes through the decoder.

/// A token of a sequence.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Its id.
    pub id: u32,
    /// Which of the tables is its sequence's.
    pub sequence: usize,
    /// Its position there.
    pub position: usize,
    /// Whether its last hidden state is wanted.
    pub wanted: bool,
}
