//! The families of models: each in a file of its own, which says where it differs from a plain
//! decoder.

mod family;
mod gemma3;
mod llama;
mod mistral;
mod olmo2;
mod qwen2;
mod qwen3;
mod qwen3_moe;
mod smollm3;

pub(super) use family::Family;

/// All families.
const ALL: [Family; 8] = [
    gemma3::FAMILY,
    llama::FAMILY,
    mistral::FAMILY,
    olmo2::FAMILY,
    qwen2::FAMILY,
    qwen3::FAMILY,
    qwen3_moe::FAMILY,
    smollm3::FAMILY,
];

/// The family of this `model_type`.
pub(super) fn of(name: &str) -> Option<&'static Family> {
    ALL.iter().find(|family| family.name == name)
}

/// The names of all families.
pub(super) fn names() -> String {
    ALL.map(|family| family.name).join(", ")
}
