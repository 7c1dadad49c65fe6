//! Gives the parser a stack: the 64 KiB of the other guests are too few.
fn main() {
    println!("cargo::rustc-link-arg-cdylib=-zstack-size=1048576");
    println!("cargo::rerun-if-changed=build.rs");
}
