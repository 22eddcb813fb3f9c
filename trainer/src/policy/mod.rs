//! The embedded policy server: OpenAI-compatible, on the trainer's own model code.
