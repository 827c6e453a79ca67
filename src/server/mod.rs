//! Servers: the simulated API.
