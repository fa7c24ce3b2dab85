// Keeps the list and the counts of the sandbox up to date; without it, "Refresh" does the same.
"use strict";
const EVERY_MS = 2000;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const list = document.getElementById("mails");
  if (!list !== !fresh.getElementById("mails")) {
    location.reload();
    return;
  }
  for (const id of ["counts", "mails", "talk"]) {
    const old = document.getElementById(id);
    const now = fresh.getElementById(id);
    if (!old || !now || old.innerHTML === now.innerHTML || old.contains(document.activeElement)) continue;
    const top = old.scrollTop;
    const atEnd = id === "talk" && top + old.clientHeight >= old.scrollHeight - 8;
    old.innerHTML = now.innerHTML;
    old.scrollTop = atEnd ? old.scrollHeight : top;
  }
}

setInterval(() => refresh().catch(() => {}), EVERY_MS); // the service may be restarting: the next round tries again

const talk = document.getElementById("talk");
if (talk) talk.scrollTop = talk.scrollHeight; // the newest text is what a phone shows
