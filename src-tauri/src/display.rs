//! Is there a screen? Asked before anything is opened, because GTK ends a program that has none
//! with a panic.

use crate::failure::Failure;

/// Whether a window can be shown here.
#[cfg(target_os = "linux")]
pub(crate) fn check() -> Result<(), Failure> {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !named("DISPLAY") && !named("WAYLAND_DISPLAY") {
        return Err(Failure::no_display(
            "neither DISPLAY nor WAYLAND_DISPLAY names one",
        ));
    }
    gtk::init().map_err(|_| Failure::no_display("the one that is named does not answer"))
}

/// Elsewhere a program that was started has one.
#[cfg(not(target_os = "linux"))]
pub(crate) fn check() -> Result<(), Failure> {
    Ok(())
}
