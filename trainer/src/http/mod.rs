//! The services over HTTP: what both programs share (`listen`), and the trainer's routes over the
//! thread that owns it.

mod listen;
mod routes;
mod worker;

pub use listen::{Door, Listen};
pub use routes::router;
pub use worker::{Ended, Ending, Worker};
