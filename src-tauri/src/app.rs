//! The app put together.

use std::process::ExitCode;
use std::sync::Arc;

use sotto_client::Host;
use sotto_client::contract::Start;
use tauri::{App, Manager as _, Wry};
use tauri_plugin_store::StoreExt as _;
use tauri_plugin_window_state::StateFlags;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::commands::{self, SETTINGS, Subscription};
use crate::failure::Failure;
use crate::leave::{self, Leaving};
use crate::order::Order;
use crate::place::Place;
use crate::{rpc, window};

/// What this device is called in a new profile. Contacts may come to see it, so it does not say
/// what the machine is called.
const DEVICE: &str = "desktop";

/// The window's size and place. Whether it was to be seen is not remembered: it always is.
const REMEMBERED: StateFlags = StateFlags::SIZE
    .union(StateFlags::POSITION)
    .union(StateFlags::MAXIMIZED)
    .union(StateFlags::FULLSCREEN);

/// Shows the window until it is closed.
pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    let place = Place::new(&args)?;
    let host = Arc::new(Host::new(place.host(), CancellationToken::new()));
    let mut context = tauri::generate_context!();
    context.config_mut().app.app_directories_override = Some(place.directories());
    // The first of the plugins: a second start ends there, before it opens anything.
    let once = tauri_plugin_single_instance::Builder::new()
        .dbus_id(place.bus_name())
        .callback(|app, _, _| window::show(app))
        .build();
    let remembers = tauri_plugin_window_state::Builder::new()
        .with_state_flags(REMEMBERED)
        .with_filename("window.json")
        .build();
    let app = tauri::Builder::default()
        .plugin(once)
        .plugin(remembers)
        .plugin(tauri_plugin_store::Builder::new().build())
        .manage(Start {
            profile: args.profile.clone(),
            relay: args.relay.clone(),
            device_name: DEVICE.into(),
        })
        .manage(Subscription::default())
        .manage(Leaving::default())
        .manage(Arc::clone(&host))
        .invoke_handler(commands::handler())
        .setup(move |app| set_up(app, &args, host))
        .build(context)
        .map_err(|error| Failure::window(&error))?;
    let code = app.run_return(leave::on_event);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn set_up(
    app: &mut App<Wry>,
    args: &Args,
    host: Arc<Host>,
) -> Result<(), Box<dyn std::error::Error>> {
    let order = tauri::async_runtime::block_on(async { Order::new(Arc::clone(&host)) });
    app.manage(order);
    app.store(SETTINGS)?;
    if args.rpc {
        let leaving = app.state::<Leaving>();
        let served = rpc::begin(host, leaving.stop.clone());
        *leaving
            .rpc
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(served);
    }
    leave::on_signal(app.handle().clone());
    window::open(app, args.title.as_deref())?;
    Ok(())
}
