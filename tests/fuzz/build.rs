//! Lets the targets find libtorch at run time, with no environment to set.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // torch-sys says where it found libtorch.
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
}
