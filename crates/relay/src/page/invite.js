"use strict";
(() => {
  const payload = /^#[A-Za-z0-9_-]+$/.test(location.hash) ? location.hash : "";
  const open = document.getElementById("open");
  const missing = document.getElementById("missing");
  missing.hidden = payload !== "";
  if (payload === "") return;
  // The port belongs to the link, also where a browser leaves it out.
  open.href = "sotto:" + location.hostname + ":" + (location.port || "443") + "/i" + payload;
  open.hidden = false;
})();
