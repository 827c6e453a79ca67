//! Options, validated and wired into one pipeline.
