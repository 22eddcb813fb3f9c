//! Puts the commit into `--version`.

#[path = "../trainer/commit.rs"]
mod commit;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../trainer/commit.rs");
    // `retrial` does not link libtorch; it says which one the other two programs of this version need.
    println!("cargo:rustc-env=RETRIAL_VERSION={}", commit::version("2.11.0"));
}
