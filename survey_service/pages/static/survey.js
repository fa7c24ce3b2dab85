// Sends in place, keeps what was typed, and sends again what got lost; the page works without.
"use strict";
const draft = location.pathname;
const score = `${location.search.match(/score=\d+/)}`;
const { home } = document.body.dataset; // of a kiosk: nothing is kept
const $ = (css, root = document) => root.querySelector(css);
let shelf = Object.freeze({});
try {
	if (!home) shelf = localStorage;
} catch {} // forbidden
let form; // may have fields called `action` or `append`
let letter; // what it sends; `wake` is null under way, then ends the pause

function write(key) {
	const text = `${new URLSearchParams(new FormData(form))}&_score=${score}`;
	try {
		shelf[key] = text;
	} catch {} // full
	return text;
}

function fill(text, css) {
	const body = new URLSearchParams(text);
	const fields = [...form.querySelectorAll(css)];
	if (!fields.some(({ name }) => name[0] !== "_" && body.has(name))) return false; // another page's
	const tapped = body.get("_score") !== score && $(":checked", form); // in the mail, later
	for (const field of fields) {
		const values = body.getAll(field.name);
		if (/radio|checkbox/.test(field.type)) field.checked = values.includes(field.value);
		else if (values.length) field.value = values[0];
	}
	if (tapped) tapped.checked = true;
	return true;
}

function begin() {
	form = $("main form");
	letter = { form };
	if (!form) return;
	const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
	letter.key = draft + " " + id;
	form.insertAdjacentHTML("beforeend", `<input type=hidden name=_submission value=${id}><output></output>`);
	fill(shelf[draft], "[name]:not([type=hidden])");
}

function say(form, what) {
	for (const name of ["aria-busy", "aria-disabled"]) $("button", form).setAttribute(name, what === "sending");
	form.lastChild.textContent = form.getAttribute("data-" + what);
}

async function send(own) {
	for (let pause = 1e3; ; pause = Math.min(2 * pause, 6e4)) {
		own.wake = null;
		say(own.form, "sending");
		try {
			const answer = await fetch(own.form.getAttribute("action"), {
				method: "POST",
				headers: { Accept: "text/html" },
				body: new URLSearchParams(own.text),
				keepalive: own.text.length < 6e4, // the tab may be closed
				signal: AbortSignal.timeout?.(15e3),
			});
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			if (!(home ? /^5/ : /^5|429/).test(answer.status) && $("main", page)) return show(own, page);
			pause = Math.max(pause, answer.headers.get("Retry-After") * 1e3 || 0);
		} catch {} // no connection
		say(own.form, shelf[own.key] ? "waiting" : "failed");
		await new Promise((wake) => {
			own.wake = wake;
			addEventListener("online", wake, { once: true });
			setTimeout(wake, pause);
		});
	}
}

async function show(own, page) {
	delete shelf[own.key];
	if (!$("[role=alert]", page)) delete shelf[draft];
	if (own.form !== form) return;
	document.documentElement.replaceWith(page.documentElement);
	history.pushState(null, ""); // "back" asks the server
	begin();
	const news = $("[role=alert]") ?? $("h1");
	news.tabIndex = -1;
	news.focus();
	scrollTo(0, 0);
}

begin();
for (const key in shelf) {
	if (key.split(" ")[0] !== draft) continue;
	if (!form) delete shelf[key]; // nothing is asked any more
	else if (key !== draft) {
		const own = { key, text: shelf[key], form };
		if (fill(own.text, "[name]")) letter = own;
		else own.form = form.cloneNode(true);
		send(own);
	}
}
onpopstate = () => location.hash || location.reload();
oninput = () => form && write(draft);
onsubmit = (event) => {
	event.preventDefault();
	if (letter.wake === null) return;
	letter.text = write(letter.key);
	letter.wake ? letter.wake() : send(letter);
};

let timer;
function stay() {
	clearInterval(timer);
	timer = setInterval(async () => {
		const { ok } = await fetch(home).catch(() => 0);
		if (ok && !letter.text) location.replace(home);
	}, document.body.dataset.idle * 1e3);
}
const signs = "load click pointermove keydown focusin scroll";
if (home) for (const sign of signs.split(" ")) addEventListener(sign, stay, true);
