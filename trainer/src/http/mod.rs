//! The HTTP services: what both programs share (`listen`), the trainer's routes, and the
//! thread that owns the trainer.

mod listen;
mod routes;
mod worker;

pub use listen::{BoundListener, Listen};
pub use routes::router;
pub use worker::{Ended, Ending, Worker};
