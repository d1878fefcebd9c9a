//! A caret that rests when nobody writes.
//!
//! GTK's own fields let the caret stand still some seconds after the last key
//! (`gtk-cursor-blink-timeout`, 10 s unless the person chose another). WebKit knows whether and how
//! fast the caret is to blink, but not that rule, so a field that has the focus makes the view
//! paint twice a second for ever. Here the rule is kept for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use gtk::Settings;
use gtk::gdk::EventType;
use gtk::gio::Cancellable;
use gtk::glib::{Propagation, SourceId, WeakRef, timeout_add_local_once};
use gtk::prelude::{GtkSettingsExt as _, ObjectExt as _, WidgetExt as _};
use webkit2gtk::{InputMethodContextExt as _, LoadEvent, WebView, WebViewExt as _};

/// GTK's setting; for this program alone it is changed while the caret rests.
const BLINK: &str = "gtk-cursor-blink";

/// WebKit leaves a caret that stops blinking as it is at that moment, so perhaps unseen. One that
/// comes to a field is seen: it is taken away and put back where it was.
const SHOW: &str = r"{
    const field = document.activeElement;
    const at = field?.selectionStart;
    if (typeof at === 'number' && at === field.selectionEnd) {
        getSelection().removeAllRanges();
        field.setSelectionRange(at, at);
    }
}";
/// A world of its own in the page: nothing that the page defines is used, and nothing is left there.
const WORLD: &str = "caret";

/// Lets the caret in `view` stand still when nothing was typed or pressed there for as long as the
/// system says, and blink again with the next key.
pub(crate) fn rest(view: &WebView) {
    let Some(settings) = Settings::default() else {
        return;
    };
    let caret = Rc::new(Caret {
        view: view.downgrade(),
        settings,
        alarm: RefCell::new(None),
        resting: Cell::new(false),
        composing: Cell::new(false),
    });
    let loaded = Rc::clone(&caret);
    view.connect_load_changed(move |_, event| {
        if event == LoadEvent::Finished {
            Caret::blink(&loaded);
        }
    });
    // A letter that an input method is still putting together would not outlive the rest.
    if let Some(input) = view.input_method_context() {
        let started = Rc::clone(&caret);
        input.connect_preedit_started(move |_| started.composing.set(true));
        let finished = Rc::clone(&caret);
        input.connect_preedit_finished(move |_| {
            finished.composing.set(false);
            Caret::blink(&finished);
        });
    }
    view.connect_event(move |_, event| {
        if is_attention(event.event_type()) {
            Caret::blink(&caret);
        }
        Propagation::Proceed
    });
}

/// What may put the caret somewhere, or shows that somebody is there.
fn is_attention(event: EventType) -> bool {
    matches!(
        event,
        EventType::KeyPress
            | EventType::ButtonPress
            | EventType::TouchBegin
            | EventType::FocusChange
    )
}

/// The caret of one view.
struct Caret {
    view: WeakRef<WebView>,
    settings: Settings,
    /// Rings when the next step to rest is due.
    alarm: RefCell<Option<SourceId>>,
    resting: Cell<bool>,
    composing: Cell<bool>,
}

impl Caret {
    /// It blinks as the system wants, from now on for as long as the system wants.
    fn blink(caret: &Rc<Self>) {
        if let Some(earlier) = caret.alarm.take() {
            earlier.remove();
        }
        if caret.resting.take() {
            caret.settings.reset_property(BLINK);
        }
        if let Ok(seconds) = u64::try_from(caret.settings.gtk_cursor_blink_timeout()) {
            Self::after(caret, Duration::from_secs(seconds), Self::rest);
        }
    }

    fn rest(caret: &Rc<Self>) {
        if caret.composing.get() || !caret.settings.is_gtk_cursor_blink() {
            return;
        }
        caret.resting.set(true);
        caret.settings.set_gtk_cursor_blink(false);
        // WebKit looks at that when the caret would change the next time, within one blink.
        if let Ok(blink) = u64::try_from(caret.settings.gtk_cursor_blink_time()) {
            Self::after(caret, Duration::from_millis(blink), Self::show);
        }
    }

    fn show(caret: &Rc<Self>) {
        if let Some(view) = caret.view.upgrade() {
            // A page that can't do it has no caret either.
            view.evaluate_javascript(SHOW, Some(WORLD), None, None::<&Cancellable>, |_| {});
        }
    }

    fn after(caret: &Rc<Self>, time: Duration, step: fn(&Rc<Self>)) {
        let this = Rc::clone(caret);
        let alarm = timeout_add_local_once(time, move || {
            // One that has rung is not there to be removed.
            this.alarm.replace(None);
            step(&this);
        });
        caret.alarm.replace(Some(alarm));
    }
}
