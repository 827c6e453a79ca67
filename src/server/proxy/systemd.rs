//! What the service manager is told of a process that is nothing but a proxy.

/// Something that the manager waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It takes requests, or does so again after it has read its options.
    Ready,
    Reloading,
    Stopping,
}

/// Tells it, where there is somebody to be told; one that does not listen is no failure of ours.
#[cfg(unix)]
pub(super) fn tell(what: Told) {
    use sd_notify::NotifyState;
    let now = match what {
        Told::Reloading => NotifyState::monotonic_usec_now().ok(),
        Told::Ready | Told::Stopping => None,
    };
    let what = match what {
        Told::Ready => NotifyState::Ready,
        Told::Reloading => NotifyState::Reloading,
        Told::Stopping => NotifyState::Stopping,
    };
    let told: Vec<NotifyState<'_>> = [Some(what), now].into_iter().flatten().collect();
    let _unheard = sd_notify::notify(&told);
}

#[cfg(not(unix))]
pub(super) fn tell(_: Told) {}
