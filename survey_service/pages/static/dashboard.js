// Asks for the newest answers every 15 seconds while the page is looked at and its reader is signed in, and counts the
// funnel once the rest stands. The page is whole without it.
(() => {
  "use strict";
  const get = async (url, onRefusal) => {
    try {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (answer.status === 403) onRefusal?.();
      return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
    } catch {
      return null; // the next try may reach the service
    }
  };

  const funnel = document.getElementById("funnel");
  if (funnel) get(funnel.href).then((page) => {
    const counted = page?.querySelector("section.funnel");
    if (counted) funnel.closest("section").replaceWith(counted);
  });

  const live = document.getElementById("live");
  const list = document.getElementById("answers");
  if (!live || !list) return;
  let running = true;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  const name = () => { button.textContent = running ? live.dataset.pause : live.dataset.go; };
  button.addEventListener("click", () => { running = !running; name(); });
  name();
  live.append(" ", button);

  const stop = () => {
    clearInterval(timer);
    const enter = document.createElement("a");
    enter.href = live.dataset.home;
    enter.textContent = live.dataset.enter;
    live.setAttribute("role", "alert");
    live.replaceChildren(live.dataset.out, " ", enter);
  };

  const timer = setInterval(async () => {
    // Nothing moves under somebody's finger or keyboard.
    if (!running || document.hidden || list.matches(":hover, :focus-within")) return;
    const page = await get(live.dataset.url, stop);
    if (page && page.body.textContent.trim() !== list.textContent.trim()) list.replaceChildren(...page.body.children);
  }, 15000);
})();
