//! Puts the commit and libtorch's version into `--version`, and lets the binaries and tests find libtorch at
//! run time with no environment to set.

use std::path::Path;

mod commit;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=commit.rs");
    // torch-sys says where it found libtorch. It finds none when it only checks types (`doc-only`).
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").ok();
    let libtorch = lib.as_ref().and_then(|lib| libtorch(&Path::new(lib).join("../include")));
    let libtorch = libtorch.unwrap_or_else(|| "unknown".into());
    println!("cargo:rustc-env=RETRIAL_VERSION={}", commit::version(&libtorch));
    let Some(lib) = lib else { return };
    // A package (`make dist`) has the libraries beside its programs. They come first.
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    // Nothing refers to libtorch_cuda by name, so the linker would drop it, and CUDA with it.
    if Path::new(&lib).join("libtorch_cuda.so").exists() {
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed,-ltorch_cuda,--as-needed");
    }
}

/// The version in libtorch's headers.
fn libtorch(include: &Path) -> Option<String> {
    let header = std::fs::read_to_string(include.join("torch/headeronly/version.h")).ok()?;
    let part = |name: &str| {
        let define = format!("#define TORCH_VERSION_{name} ");
        header.lines().find_map(|line| line.strip_prefix(&define)).map(str::trim)
    };
    Some(format!("{}.{}.{}", part("MAJOR")?, part("MINOR")?, part("PATCH")?))
}
