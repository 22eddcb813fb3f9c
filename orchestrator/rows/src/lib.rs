//! The rows of data files, for problems and for examples alike.
//!
//! [`locate`] finds the files of a source: a file, a folder, a glob, or a data set on the hub. [`read`]
//! yields their rows one after another, as cells by column. [`find`], [`plain`] and [`messages`] read a
//! cell. What a column means is up to the caller, and which rows it leaves out ([`LeftOut`]).

mod cell;
mod error;
mod left_out;
mod message;
mod place;
mod reader;
mod source;
mod split;

pub use cell::{find, messages, plain};
pub use error::RowsError;
pub use left_out::{Example, LeftOut, shortened};
pub use message::{Message, Role};
pub use place::{Fetched, Place, PlaceError};
pub use reader::{Row, Sink, read};
pub use retrial_hub::Settings as HubSettings;
pub use source::{DataFile, locate};
pub use split::Split;
