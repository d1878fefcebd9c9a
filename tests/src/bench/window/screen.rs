//! A screen that nobody looks at but this program: Xvfb, whose picture lies in a file, and a window
//! manager that puts every window at the same place, without a frame and without the focus.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ended::Ended;

/// The window's own size, so that it fills the screen.
pub const SIZE: &str = "1080x720x24";

/// Letters have many shades at their edges; a window without any content has one colour, and half
/// of one painted over another has a few.
const SHADES: usize = 8;

const MANAGER: &str = r#"<openbox_config xmlns="http://openbox.org/3.4/rc">
  <focus><focusNew>no</focusNew></focus>
  <applications>
    <application class="*">
      <decor>no</decor>
      <position force="yes"><x>0</x><y>0</y></position>
    </application>
  </applications>
</openbox_config>"#;

pub struct Screen {
    pub display: String,
    picture: PathBuf,
    _manager: Ended,
    _server: Ended,
}

/// What is to be seen at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// No window.
    Nothing,
    /// A window without any content.
    Window,
    /// A window with letters in it.
    Content,
}

impl Screen {
    pub fn new(folder: &Path) -> Self {
        let mut server = Command::new("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp"]);
        // The pointer would be a picture in the picture.
        server.arg("-nocursor").arg("-fbdir").arg(folder);
        server.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Ended::start(&mut server);
        let mut number = String::new();
        BufReader::new(server.0.stdout.take().unwrap())
            .read_line(&mut number)
            .unwrap();
        let display = format!(":{}", number.trim());
        let settings = folder.join("openbox.xml");
        std::fs::write(&settings, MANAGER).unwrap();
        let mut manager = Command::new("openbox");
        manager.arg("--config-file").arg(settings);
        manager.env("DISPLAY", &display);
        let manager = Ended::start(manager.stdout(Stdio::null()).stderr(Stdio::null()));
        Self {
            display,
            picture: folder.join("Xvfb_screen0"),
            _manager: manager,
            _server: server,
        }
    }

    /// Looks once.
    pub fn look(&self) -> Seen {
        let pixels = pixels(&self.picture);
        // Every second pixel of every second line says as much.
        let line = 1080 * 4;
        let lines = pixels.chunks_exact(line).step_by(2);
        let mut colours = BTreeSet::new();
        for pixel in lines.flat_map(|line| line.chunks_exact(4).step_by(2)) {
            colours.insert([pixel[0], pixel[1], pixel[2]]);
            if colours.len() >= SHADES {
                return Seen::Content;
            }
        }
        // Without a window the screen is black.
        if colours.iter().all(|colour| *colour == [0; 3]) {
            Seen::Nothing
        } else {
            Seen::Window
        }
    }

    /// Gives the focus to the window, as a click on its title does.
    pub fn focus(&self) {
        let window = self.xdotool(&["search", "--onlyvisible", "--class", "."]);
        let window = window.lines().last().expect("no window").to_owned();
        self.xdotool(&["windowactivate", "--sync", &window]);
    }

    pub fn click(&self, x: u32, y: u32) {
        let (x, y) = (x.to_string(), y.to_string());
        self.xdotool(&["mousemove", &x, &y, "click", "1"]);
    }

    pub fn press(&self, key: &str) {
        self.xdotool(&["key", key]);
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("xdotool");
        command.args(arguments).env("DISPLAY", &self.display);
        let output = command.output().unwrap();
        assert!(output.status.success(), "xdotool {arguments:?} failed");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The pixels of an X window dump (XWDFile.h): a header of big-endian words, a table of colours,
/// then lines of four bytes a pixel.
fn pixels(picture: &Path) -> Vec<u8> {
    let mut file = File::open(picture).unwrap();
    let mut header = [0; 100];
    file.read_exact(&mut header).unwrap();
    let word = |at: usize| u32::from_be_bytes(header[at * 4..at * 4 + 4].try_into().unwrap());
    let (size, bits, colours) = (word(0), word(11), word(19));
    assert_eq!(bits, 32, "a screen of another depth");
    file.seek(SeekFrom::Start(u64::from(size + colours * 12)))
        .unwrap();
    let mut pixels = vec![0; (word(12) * word(5)) as usize];
    file.read_exact(&mut pixels).unwrap();
    pixels
}
