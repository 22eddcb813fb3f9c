//! Rebuilds when a migration is added: the library carries them.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
