//! Compiles the shim against libtorch's headers, which lie beside its libraries.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=shim");
    // torch-sys says where it found libtorch.
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys found libtorch");
    let include = Path::new(&lib).join("../include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(1)
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        // Gloo's headers do not come with libtorch.
        .include("shim")
        .define("USE_C10D_GLOO", None)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        // Warnings in these headers cannot be fixed here.
        .warnings(false)
        .file("shim/attention.cpp")
        .file("shim/memory.cpp")
        .file("shim/c10d.cpp")
        .compile("retrial_native");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
}
