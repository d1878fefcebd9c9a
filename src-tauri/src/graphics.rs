//! Painting without a graphics card.
//!
//! Where there is none, WebKit still hands every frame to OpenGL, and that is computed by the
//! processor (Mesa's llvmpipe): more memory, and the whole window anew for a blink of the caret.
//! Its own painter only computes what has changed.

use std::path::Path;

use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt as _, WebView, WebViewExt as _};

/// Where Linux shows a graphics card: the kernel's own drivers, NVIDIA's, and Windows' below WSL.
const CARDS: [&str; 3] = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"];

/// Lets the view paint by itself where no card could do it.
pub(crate) fn spare_without_card(view: &WebView) {
    if CARDS.iter().any(|card| Path::new(card).exists()) {
        return;
    }
    if let Some(settings) = view.settings() {
        settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
    }
}
