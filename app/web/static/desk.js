// The desk's own behaviour. Every page works without it; with it, pages answer as one types.

// What happened is said to screen readers.
document.addEventListener("rf:say", (event) => {
  const live = document.getElementById("rf-live");
  if (live) live.textContent = event.detail;
});

// Menus are <details>: close them on Escape and on a click elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-rf-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-rf-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A second click on a submit button changes nothing: the form carries an idempotency key, and the
// button stays pressed until the answer comes.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.rfSending) {
    event.preventDefault();
    return;
  }
  form.dataset.rfSending = "1";
  for (const button of form.querySelectorAll("button[type=submit]")) {
    button.setAttribute("aria-disabled", "true");
    button.classList.add("disabled");
  }
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-rf-sending]")) {
    delete form.dataset.rfSending;
    for (const button of form.querySelectorAll("button[type=submit]")) {
      button.removeAttribute("aria-disabled");
      button.classList.remove("disabled");
    }
  }
});

// The filters of a list answer at once; their own submit button is for pages without scripts.
for (const button of document.querySelectorAll("[data-rf-noscript]")) button.hidden = true;

// After a refused save the summary takes the focus, so that it is read out first.
document.querySelector("[data-rf-summary]")?.focus();

// The picture of a flow opens with the current step in its middle.
for (const box of document.querySelectorAll("[data-rf-centre]")) {
  const now = [...box.querySelectorAll(".rf-now")].at(-1);
  if (!now) continue;
  const inner = now.getBoundingClientRect();
  const outer = box.getBoundingClientRect();
  box.scrollTop += inner.top + inner.height / 2 - (outer.top + outer.height / 2);
  box.scrollLeft += inner.left + inner.width / 2 - (outer.left + outer.width / 2);
}

// "Select all" above a list of checkboxes.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-rf-all]")) return;
  for (const box of event.target.closest("form").querySelectorAll("input[name=pick]")) {
    box.checked = event.target.checked;
  }
});
