//! The Messages API's shapes: what an event or an error body means.
