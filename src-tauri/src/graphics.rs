//! Painting without a graphics card.
//!
//! Where there is none, WebKit still hands every frame to OpenGL, and that is computed by the
//! processor (Mesa's llvmpipe): more memory, and the whole window anew for a blink of the caret.
//! Told so, it paints by itself, and only what has changed.
//!
//! It can only be told by the environment, before it starts. Its setting for the same
//! (`hardware-acceleration-policy`) comes too late for a view that exists: with WebKitGTK 2.50 every
//! third start ended the view's process with a segmentation fault.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// Where Linux shows a graphics card: the kernel's own drivers, NVIDIA's, and Windows' below WSL.
const CARDS: [&str; 3] = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"];

/// WebKitGTK's switch.
const SWITCH: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Where there is no card, becomes this program once more, with the switch set. Comes back when
/// there is a card, when somebody has set the switch to whatever they want, or when the system
/// refuses: then everything is as it would have been.
pub(crate) fn spare_without_card() {
    if std::env::var_os(SWITCH).is_some() || CARDS.iter().any(|card| Path::new(card).exists()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| program.clone().into());
    let _refused = Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(SWITCH, "1")
        .exec();
}
