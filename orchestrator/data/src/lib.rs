//! Problems with verifiable answers, from public data sets as they are published.
//!
//! A set comes from [`Sources`]: files, folders, globs, or data sets on the hub. The layout of each
//! file is recognised ([`Layout`]) or configured ([`Columns`]). [`DataSet::load`] reads every row once:
//! it is used, or left out and counted in the [`Report`]. With [`DataSet::fingerprint`] a later run
//! notices other problems.
//!
//! ```
//! use retrial_data::{DataSet, Request, Sources, Split, MAX_LEFT_OUT};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("gsm8k.jsonl");
//! # std::fs::write(&file, r##"{"question": "6 * 7?", "answer": "It is 42.\n#### 42"}"##).unwrap();
//! let sources = Sources::one(file.to_str().unwrap());
//! let request = Request {
//!     set: "train",
//!     sources: &sources,
//!     columns: None,
//!     split: Split::Train,
//!     max_left_out: MAX_LEFT_OUT,
//!     solutions: false,
//!     reward: None,
//!     held_out: &[],
//! };
//! let hub = retrial_data::HubSettings::from_env();
//! let set = DataSet::load(&request, &hub, |_, _| Ok(()))?;
//! assert_eq!(set.task(0).problem.answer, "42");
//! println!("{}", set.report());
//! # Ok::<(), retrial_data::DataError>(())
//! ```
//!
//! The path of a row: `retrial-rows` (files, rows), `layout` (which column is what), `row` and `cell`
//! (a problem), `load` (used or left out), `packed` (stored).

mod cell;
mod error;
mod fingerprint;
mod layout;
mod load;
mod mixture;
mod normal;
mod packed;
mod problem;
mod report;
mod row;

pub use error::DataError;
pub use fingerprint::{Change, Fingerprint};
pub use layout::Layout;
pub use load::{DataSet, Part, Request};
pub use mixture::{Share, shares};
pub use problem::Task;
pub use report::{Example, FileReport, LeftOut, Reason, Report};
pub use retrial_domain::{Columns, MAX_LEFT_OUT, Problem, ProblemId, Source, Sources};
pub use retrial_rows::{Fetched, HubSettings, Message, Place, PlaceError, Role, RowsError, Split};
