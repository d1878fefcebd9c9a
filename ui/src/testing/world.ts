/** The people of the stories and what they said: every state that a list and a conversation can be in. */
import { ID, NOON, StoryHost } from "./story_host";

/** A lived-in profile. */
export function harbour(): StoryHost {
  const host = new StoryHost();
  const bob = host.person(2, "Bob", { unread: 2, shield: "verified", shield_reason: "compared" });
  host.says(bob, "them", "Are we still on for the harbour at six?", { sent: NOON - 86_400_000 });
  host.says(bob, "me", "Yes. I have the drawings with me.");
  host.says(bob, "me", "The ones with the new quay, not the old ones.");
  host.says(bob, "them", "The ferry is late, so no need to run. 😌");
  host.says(bob, "me", "Good, then I will finish my tea.", { delivery: "delivered" });
  host.says(bob, "me", "And bring the kettle.", { delivery: "stored" });
  host.says(bob, "them", "Bring the blue folder, please");
  const nadia = host.person(3, "Nadia", { shield: "not_protected", shield_reason: "relay_contradiction" });
  host.says(nadia, "them", "See you on Saturday?");
  const maryam = host.person(4, "مريم", { draft: "أنا في الطريق" });
  host.says(maryam, "them", "نلتقي عند الميناء غدًا");
  const dana = host.person(5, "Dana", { state: "waiting" });
  host.says(dana, "me", "Hello Dana, it's Alice from the choir.", { delivery: "queued" });
  const eve = host.person(6, "Eve\u202egnp.exe\u0007\u0000");
  host.says(eve, "them", "A message with \u202ereversed\u202c words and a bell\u0007.");
  host.requests = [{ request: ID(77), invite: ID(8), arrived: NOON }];
  return host;
}
