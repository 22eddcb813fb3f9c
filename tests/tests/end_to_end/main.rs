//! The end-to-end tests, one program: linking one costs a fraction of linking twenty.
//!
//! Tests of one program share a process. These may: each has a folder of its own, talks to ports that
//! the system picks, starts processes of its own, and sets their environment and working folder, never
//! this process's. What has to be alone (a disk, a limit on open files, another clock) a test gives to
//! the processes that it starts.

mod attention;
mod bad_input;
mod browser;
mod chaos;
mod check;
mod clock;
mod conformance;
mod dashboard;
mod day;
mod disk;
mod documents;
mod eval;
mod faults;
mod help;
mod hints;
mod inputs;
mod large;
mod logs;
mod nccl;
mod ranks;
mod resume;
mod rewards;
mod run;
mod said;
mod security;
mod servers;
mod shuffled;
mod stale;
mod study;
mod trackers;
mod upgrade;
mod verdicts;
