// Rules and formulas, answered by the server as one types. The answer never touches what is being
// typed: a value is only set where the server computed it and the field still shows what was sent.

const PAUSE = 300;

// Between pressing and letting go nothing moves: complaints that came or went under the pointer would
// carry the button away, and the click with it.
let pressed = false;
const held = [];

function still(work) {
  if (pressed) held.push(work);
  else work();
}

function release() {
  pressed = false;
  setTimeout(() => {
    for (const work of held.splice(0)) work();
  });
}

document.addEventListener("pointerdown", () => (pressed = true), true);
for (const end of ["pointerup", "pointercancel", "dragend"]) document.addEventListener(end, release, true);

function liveForm(form, dirty = false) {
  const address = form.dataset.rfPreview;
  if (!address) return;
  // Complaints are shown for fields somebody has been in; a page that came back shows them all.
  const touched = new Set(form.dataset.rfShowErrors ? ["*"] : []);
  // What nobody has typed into is left to the engine: defaults and filled-in values follow.
  const auto = "rfAuto" in form.dataset ? new Set(form.dataset.rfAuto.split(" ")) : null;
  const typed = new Set();
  let timer = 0;
  let running = null;

  const changed = (event) => {
    const field = event.target.closest("[data-rf-field]");
    if (field && event.type !== "rf:changed") typed.add(field.dataset.rfField);
    if (field && event.type === "rf:changed" && event.detail?.typed) typed.add(field.dataset.rfField);
    if (event.target.matches("[data-rf-ignore]") && event.type !== "rf:changed") return;
    if (field) field.dataset.rfError = ""; // what was wrong before says nothing of what stands here now
    dirty = true;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("rf:changed", changed);
  form.addEventListener("focusout", (event) => {
    const field = event.target.closest("[data-rf-field]");
    if (field && dirty) {
      touched.add(field.dataset.rfField);
      still(() => showError(field, field.dataset.rfError || ""));
    }
  });
  form.addEventListener("submit", () => {
    dirty = false;
    clearTimeout(timer); // the page is on its way: nobody asks any more
    running?.abort();
    for (const name of untouched()) {
      const item = document.createElement("input");
      item.type = "hidden";
      item.name = "_auto";
      item.value = name;
      form.append(item);
    }
  });

  function untouched() {
    return [...form.querySelectorAll("[data-rf-field]")]
      .map((field) => field.dataset.rfField)
      .filter((name) => !name.includes("__row__") && !typed.has(name) && (!auto || auto.has(name)));
  }

  window.addEventListener("beforeunload", (event) => {
    if (dirty) event.preventDefault();
  });

  async function ask() {
    running?.abort();
    running = new AbortController();
    const sent = snapshot(form);
    const body = new FormData(form);
    for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
    for (const name of untouched()) body.append("_auto", name);
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, {
        method: "POST",
        body,
        signal: running.signal,
        headers: { Accept: "application/json" },
        redirect: "error",
      });
      still(() => note(form, answer.ok ? "" : answer.status === 401 ? "signed-out" : "unreachable"));
      if (!answer.ok) return;
      const said = await answer.json();
      still(() => apply(said, sent));
    } catch (error) {
      if (error.name !== "AbortError") note(form, "unreachable");
    } finally {
      form.removeAttribute("aria-busy");
    }
  }

  function apply(answer, sent) {
    for (const [name, state] of Object.entries(answer.fields)) {
      const field = form.querySelector(`[data-rf-field="${CSS.escape(name)}"]`);
      if (!field) continue;
      field.hidden = !state.visible;
      if (state.options) offer(field, state.options);
      mark(field, state);
      if ("value" in state && sent.get(name) === reading(field)) write(field, state);
      field.dataset.rfError = state.error || "";
      const known = touched.has("*") || touched.has(name) || state.error_now;
      showError(field, known ? state.error || "" : "");
      const warning = field.querySelector(".rf-warning");
      if (warning) warning.textContent = state.warning || "";
    }
    for (const item of form.querySelectorAll("[data-rf-currency]")) {
      const code = answer.currencies[item.dataset.rfCurrency];
      if (code !== undefined) item.textContent = code;
    }
    for (const [section, visible] of Object.entries(answer.sections)) {
      const part = form.querySelector(`[data-rf-section="${CSS.escape(section)}"]`);
      if (part) part.hidden = !visible;
    }
    if (answer.said) say(answer.said);
  }
}

function snapshot(form) {
  const values = new Map();
  for (const field of form.querySelectorAll("[data-rf-field]")) {
    values.set(field.dataset.rfField, reading(field));
  }
  return values;
}

function controls(field) {
  return [...field.querySelectorAll("input, select, textarea")].filter(
    (control) => control.closest("[data-rf-field]") === field && !control.matches("[data-rf-ignore]"),
  );
}

// What a field shows now, as one string to compare.
function reading(field) {
  return controls(field)
    .map((control) => {
      if (control.type === "checkbox" || control.type === "radio") return control.checked ? control.value : "";
      if (control.multiple) return [...control.selectedOptions].map((option) => option.value).join("\u0001");
      return control.value;
    })
    .join("\u0002");
}

function mark(field, state) {
  for (const star of field.querySelectorAll(".rf-required")) {
    if (star.closest("[data-rf-field]") === field && !star.closest("thead")) star.hidden = !state.required;
  }
  for (const control of controls(field)) {
    if (control.type === "hidden") continue;
    const choosing = control.matches("select, [type=checkbox], [type=radio], [type=file]");
    if (choosing) control.disabled = state.readonly;
    else if (control.readOnly !== state.readonly) {
      control.readOnly = state.readonly;
      // A read-only value is not posted: the server knows it.
      if (state.readonly && control.name) {
        control.dataset.name = control.name;
        control.removeAttribute("name");
      } else if (!state.readonly && control.dataset.name) {
        control.name = control.dataset.name;
      }
    }
    if (!choosing) control.toggleAttribute("aria-required", Boolean(state.required));
    if (control.hasAttribute("aria-required")) control.setAttribute("aria-required", "true");
  }
}

function write(field, state) {
  const values = Array.isArray(state.value) ? state.value : [state.value];
  if (field.dataset.rfKind === "picker") {
    field.dispatchEvent(new CustomEvent("rf:set", { detail: state }));
    return;
  }
  for (const control of controls(field)) {
    if (control.type === "hidden" || control.type === "file") continue;
    if (control === document.activeElement && !control.readOnly) continue;
    if (control.type === "checkbox" || control.type === "radio") control.checked = values.includes(control.value);
    else if (control.multiple) for (const option of control.options) option.selected = values.includes(option.value);
    else control.value = values[0] ?? "";
  }
}

// The options of a choice that hangs on another one. What does not stand there any more is let go.
function offer(field, options) {
  const select = field.querySelector("select");
  const group = field.querySelector(".rf-choice-group");
  const shown = select ? [...select.options].slice(1) : [...(group?.querySelectorAll("[type=checkbox]") ?? [])];
  const same = shown.length === options.length && shown.every((one, at) => one.value === options[at][0]);
  if (same) return;
  const before = reading(field);
  if (select) {
    const held = select.value;
    select.replaceChildren(new Option("", ""), ...options.map(([value, text]) => new Option(text, value)));
    select.value = options.some(([value]) => value === held) ? held : "";
  } else if (group) {
    const held = new Set(shown.filter((one) => one.checked).map((one) => one.value));
    const empty = group.querySelector("input[type=hidden]");
    const name = empty.name;
    group.replaceChildren(empty, ...options.map(([value, text], at) => box(name, value, text, held.has(value), at)));
  }
  // The rules have not seen that it is empty now.
  if (reading(field) !== before) field.dispatchEvent(new CustomEvent("rf:changed", { bubbles: true }));
}

function box(name, value, text, checked, at) {
  const label = document.createElement("label");
  label.className = "form-check";
  const input = Object.assign(document.createElement("input"), { type: "checkbox", className: "form-check-input", name, value, checked });
  if (at === 0) input.id = `f-${name.replaceAll(".", "-")}`;
  const shown = document.createElement("span");
  shown.className = "form-check-label";
  shown.textContent = text;
  label.append(input, shown);
  return label;
}

function showError(field, text) {
  const place = [...field.querySelectorAll(".rf-error")].find((item) => item.closest("[data-rf-field]") === field);
  if (!place) return;
  place.textContent = text;
  for (const control of controls(field)) {
    if (control.type === "hidden") continue;
    control.classList.toggle("is-invalid", Boolean(text));
    if (text) {
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", place.id);
    } else {
      control.removeAttribute("aria-invalid");
    }
  }
}

function note(form, state) {
  for (const item of form.querySelectorAll("[data-rf-note]")) item.hidden = item.dataset.rfNote !== state;
}

function say(text) {
  document.dispatchEvent(new CustomEvent("rf:say", { detail: text }));
}

document.addEventListener("rf:form", (event) => liveForm(event.target, true)); // one that took the place of another
for (const form of document.querySelectorAll("form[data-rf-form]")) liveForm(form);
