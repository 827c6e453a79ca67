//! Tells the linker how to build a Node addon; nothing else belongs here.

fn main() {
    if std::env::var_os("CARGO_FEATURE_NODE").is_some() {
        napi_build::setup();
    }
}
