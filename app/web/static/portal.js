// Buttons that change the page and save nothing (rows, choices that others hang on) get the new page
// by themselves and put it in place: the person stays where they are, and "back" leads to where they
// came from. Without this script the browser sends the page and shows the answer.

const LONG = 40 * 60 * 1000;
const HERE = new Set(["_take", "_everything", "_refresh", "_remove"]);

function portalForm(form) {
  // Rows come from what may be chosen; Enter sends the form here and adds no empty row.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.closest(".rp-picked")) event.stopPropagation();
  }, true);
  // A row that is taken out can be chosen again: what is offered then is the server's to say.
  form.addEventListener("click", (event) => {
    if (event.target.closest(".rp-picked [data-rf-line=remove]")) event.stopPropagation();
  }, true);
  form.addEventListener("change", (event) => {
    if (!event.target.closest(".rp-asks")) return;
    const button = document.createElement("button");
    Object.assign(button, { type: "submit", name: "_refresh", value: "1", formNoValidate: true, hidden: true });
    form.append(button);
    form.requestSubmit(button);
  });
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (form.dataset.rfPlain) return;
    if (HERE.has(button?.name)) {
      event.preventDefault();
      if (!form.hasAttribute("aria-busy")) change(form, button);
    } else if (performance.now() > LONG && form.dataset.rfPreview) {
      event.preventDefault();
      sendIfInside(form, button);
    }
  });
}

// After a long time the visit may have ended: then it is said here, where what was typed still stands.
async function sendIfInside(form, button) {
  const body = new FormData(form);
  for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
  const answer = await fetch(form.dataset.rfPreview, { method: "POST", body, headers: { Accept: "application/json" } }).catch(() => null);
  const note = answer?.status === 401 && form.querySelector('[data-rf-note="signed-out"]');
  if (note) {
    note.hidden = false;
    note.focus();
    return;
  }
  form.dataset.rfPlain = "1";
  form.requestSubmit(button);
}

async function change(form, button) {
  const focused = document.activeElement?.id;
  const body = new FormData(form);
  for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
  body.append(button.name, button.value);
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body, redirect: "error", headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = document.querySelector("main");
    main.replaceChildren(...page.querySelector("main").childNodes);
    const fresh = main.querySelector("form.rp-form");
    fresh.dispatchEvent(new CustomEvent("rf:form", { bubbles: true }));
    settle(fresh, button.name, focused);
  } catch {
    // The browser shows what there is to say: signed out, or nobody there.
    form.removeAttribute("aria-busy");
    form.dataset.rfPlain = "1";
    form.requestSubmit(button.isConnected && button.form ? button : null);
  }
}

// Where the person goes on: in the row that came, among what is offered, or where they were.
function settle(form, name, focused) {
  const rows = [...form.querySelectorAll(".rp-picked tr[data-rf-row]")];
  const blank = [...(rows.at(-1)?.querySelectorAll("input, select, textarea") ?? [])].find(
    (one) => !["hidden", "file", "checkbox", "radio"].includes(one.type) && !one.disabled && !one.readOnly && !one.value,
  );
  const goal =
    name === "_take" ? blank : name === "_refresh" ? focused && document.getElementById(focused) : form.querySelector(".rp-offers button");
  (goal || form.querySelector(".rp-offers button, .btn-primary"))?.focus({ preventScroll: true });
  if (name === "_take") rows.at(-1)?.scrollIntoView({ block: "start" });
}

document.addEventListener("rf:form", (event) => portalForm(event.target));
for (const form of document.querySelectorAll("form.rp-form")) portalForm(form);
